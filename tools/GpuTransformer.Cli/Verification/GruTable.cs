using GpuTransformer.Host;
using GpuTransformer.Modules;

namespace GpuTransformer.Cli.Verification;

/// <summary>A table of torch's GRU cell: what GateResidual joins a branch's output x and the stream h with.</summary>
internal static class GruTable
{
    /// <summary>The cell's output and its gradients.</summary>
    public static IReadOnlyList<GoldenOutput> Run(SafetensorsReader file, ComputeDevice device, bool gradients)
    {
        Tensor input = file.ReadTensor("x", device), state = file.ReadTensor("h", device);
        using var residual = new GatedResidual(
            new AttentionLayersOptions { Dim = file.Ranked("x", 2)[1], Depth = 1, GateResidual = true }, new ParameterInitializer(device));
        Module cell = residual.Children.Single(static child => child.Name == "gru").Value;
        cell.LoadStateDict(file, "param.");
        List<(string Name, Tensor Leaf)> leaves =
            [("grad_x", input), ("grad_h", state), .. cell.NamedParameters().Select(static p => ($"grad.{p.Name}", p.Value))];
        foreach ((_, Tensor leaf) in leaves)
            leaf.RequiresGradient = gradients;
        using StepScope tape = device.BeginTape();
        Tensor output = residual.Join(input, residual.Prepare(state), null);
        List<GoldenOutput> results = [Against(file, "output", output.Shape, output.ToArray(), isGradient: false)];
        if (gradients)
        {
            tape.Backward(output, file.ReadTensor("loss_weight", device));
            results.AddRange(leaves.Select(leaf => Against(file, leaf.Name, leaf.Leaf.Shape, GradientGolden.Take(leaf.Leaf), isGradient: true)));
        }

        return results;
    }

    // There is PyTorch's float32 alone.
    private static GoldenOutput Against(SafetensorsReader file, string name, Shape shape, float[] actual, bool isGradient)
        => new(name, shape, DType.Float32, actual, file.ReadCounted(name, actual.Length), 0) { IsGradient = isGradient };
}
