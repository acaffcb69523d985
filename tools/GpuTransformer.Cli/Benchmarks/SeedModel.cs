using GpuTransformer.Host;
using GpuTransformer.Modules;

namespace GpuTransformer.Cli.Benchmarks;

/// <summary>
/// The model that the measurements are about: four encoder layers of width 256 with ALiBi, on 64 queries, attending a context of 128 positions and width 512.
/// </summary>
internal static class SeedModel
{
    public const string Description = "Encoder(dim 256, depth 4, heads 4, ALiBi, cross-attention to a 512-wide context)";

    private const int Length = 64, ContextLength = 128, Dim = 256, ContextDim = 512, Depth = 4;

    public static Encoder Create(ComputeDevice device, DType dtype)
        => new(
            new AttentionLayersOptions
            {
                Dim = Dim, Depth = Depth, Heads = 4, AlibiPosBias = true, CrossAttend = true, CrossAttn = new() { DimContext = ContextDim },
            },
            device,
            seed: 0,
            dtype);

    /// <summary>x [batch, 64, 256]; also the shape of the output.</summary>
    public static Tensor Input(ComputeDevice device, int batch, DType dtype) => RandomInput.Normal(device, [batch, Length, Dim], dtype);

    /// <summary>The context [batch, 128, 512].</summary>
    public static Tensor Context(ComputeDevice device, int batch, DType dtype) => RandomInput.Normal(device, [batch, ContextLength, ContextDim], dtype);

    /// <summary>Multiplications and additions of the matrix products and of both attentions, forward; norms, activations and softmax are not counted.</summary>
    public static double ForwardFlop(int batch)
    {
        const double Projections = Length * (6 * Dim * Dim + 2 * Dim * 4 * Dim) + ContextLength * 2 * ContextDim * Dim;
        const double Scores = 2 * Length * (Length + ContextLength) * Dim;
        return 2.0 * Depth * batch * (Projections + Scores);
    }
}
