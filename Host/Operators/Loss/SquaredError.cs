using System.Runtime.Intrinsics;
using GpuTransformer.Kernels;

namespace GpuTransformer.Host;

public static partial class Operators
{
    /// <summary>The mean of (prediction − target)² over the rows that the mask keeps and all their columns.</summary>
    /// <param name="prediction">[…, dim]</param>
    /// <param name="target">The same shape, and the same data type or Float32; gets no gradient.</param>
    /// <param name="rowMask">[…], one Bool for each row, true where it counts; null for all.</param>
    /// <returns>A float32 scalar; zero if no row counts.</returns>
    /// <exception cref="ArgumentException">A shape, device or data type does not fit; nothing was launched.</exception>
    public static Tensor MeanSquaredError(Tensor prediction, Tensor target, Tensor? rowMask = null) => RowLoss.Mean(
        prediction,
        target,
        rowMask,
        default,
        RowLossArguments<SquaredErrorFunction>.Definition,
        RowLossBackwardArguments<SquaredErrorFunction>.Definition);
}

internal readonly struct SquaredErrorFunction : IRowLoss<SquaredErrorFunction>
{
    public static string Name => "SquaredError";

    public static string Formula => "loss = mean over the row of (prediction − target)²";

    public static float Apply(SquaredErrorFunction f, float difference) => difference * difference;

    public static Vector512<float> Apply(SquaredErrorFunction f, Vector512<float> difference) => difference * difference;

    public static float Gradient(SquaredErrorFunction f, float difference) => 2f * difference;

    public static Vector512<float> Gradient(SquaredErrorFunction f, Vector512<float> difference) => 2f * difference;
}
