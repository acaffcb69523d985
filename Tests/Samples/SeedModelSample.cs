using GpuTransformer.Host;
using GpuTransformer.Modules;

namespace GpuTransformer.Tests.Samples;

/// <summary>The example that README opens with; what is between the markers is there word for word.</summary>
internal static class SeedModelSample
{
    public static float[] Run()
    {
        // <readme>
        using ComputeDevice device = ComputeDevice.Create();      // CUDA, else an OpenCL GPU, else the processor
        using var model = new Encoder(new AttentionLayersOptions
        {
            Dim = 256, Depth = 4, Heads = 4, AlibiPosBias = true,       // x-transformers' names
            CrossAttend = true, CrossAttn = new() { DimContext = 512 }, // keys and values come from a context of another width
        }, device);
        using var file = SafetensorsReader.Open("Tests/Goldens/seed_example_bf16.safetensors");
        model.LoadStateDict(file, "param.");                      // PyTorch's state_dict keys, checked one by one

        using StepScope step = device.BeginStep();                // owns every tensor below; the next step reuses their memory
        Tensor x = file.ReadTensor("input.x", device), context = file.ReadTensor("input.context", device);
        Tensor mask = file.ReadTensor("input.mask", device), contextMask = file.ReadTensor("input.context_mask", device);
        Tensor y = model.Forward(x, context, mask, contextMask);  // [1, 64, 256]
        Console.WriteLine($"{model.ParameterCount:N0} parameters on {device}: {y}");
        // </readme>
        return y.ToArray();
    }
}
