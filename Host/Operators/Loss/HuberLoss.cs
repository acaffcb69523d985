using System.Runtime.Intrinsics;
using GpuTransformer.Kernels;

namespace GpuTransformer.Host;

public static partial class Operators
{
    /// <summary>
    /// The mean of d² / 2 where |d| ≤ delta and delta · (|d| − delta / 2) elsewhere, d = prediction − target, over the rows that the mask keeps and all their
    /// columns: the squared error for small differences, the absolute one for large ones (Huber 1964; torch's huber_loss).
    /// </summary>
    /// <param name="prediction">[…, dim]</param>
    /// <param name="target">The same shape, and the same data type or Float32; gets no gradient.</param>
    /// <param name="delta">Where the square ends: finite and above zero.</param>
    /// <param name="rowMask">[…], one Bool for each row, true where it counts; null for all.</param>
    /// <returns>A float32 scalar; zero if no row counts.</returns>
    /// <exception cref="ArgumentException">A shape, device, data type or <paramref name="delta"/> does not fit; nothing was launched.</exception>
    public static Tensor HuberLoss(Tensor prediction, Tensor target, float delta = 1f, Tensor? rowMask = null)
    {
        if (!(delta > 0f && float.IsFinite(delta)))
            throw new ArgumentException($"'delta' is {delta}, but the square must end at a finite number above zero.", nameof(delta));
        return RowLoss.Mean(
            prediction,
            target,
            rowMask,
            new HuberFunction(delta),
            RowLossArguments<HuberFunction>.Definition,
            RowLossBackwardArguments<HuberFunction>.Definition);
    }
}

internal readonly struct HuberFunction(float delta) : IRowLoss<HuberFunction>
{
    private readonly float _delta = delta;

    public static string Name => "HuberLoss";

    public static string Formula => "loss = mean over the row of d² / 2, or δ (|d| − δ / 2) where |d| > δ; d = prediction − target";

    // d · clamp(d, ±δ) − clamp(d, ±δ)² / 2 is both branches.
    public static float Apply(HuberFunction f, float difference)
    {
        float clamped = Gradient(f, difference);
        return clamped * (difference - 0.5f * clamped);
    }

    public static Vector512<float> Apply(HuberFunction f, Vector512<float> difference)
    {
        Vector512<float> clamped = Gradient(f, difference);
        return clamped * (difference - 0.5f * clamped);
    }

    public static float Gradient(HuberFunction f, float difference) => difference > f._delta ? f._delta : difference < -f._delta ? -f._delta : difference;

    public static Vector512<float> Gradient(HuberFunction f, Vector512<float> difference)
    {
        Vector512<float> delta = Vector512.Create(f._delta);
        Vector512<float> below = Vector512.ConditionalSelect(Vector512.GreaterThan(difference, delta), delta, difference);
        return Vector512.ConditionalSelect(Vector512.LessThan(difference, -delta), -delta, below);
    }
}
