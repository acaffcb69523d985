using GpuTransformer.Host;

namespace GpuTransformer.Validation;

/// <summary>
/// When a result passes: |ours − exact| ≤ max(2 · |plain − exact|_max, floor · |exact|_max), where plain is the straightforward computation in the same
/// precision. The factor is 3 for gradients. NaN and infinity never pass, whichever side has them.
/// </summary>
/// <remarks>The factor is that of FlashAttention's own tests: free of scale, and honest about what the precision allows.</remarks>
internal static class NumericalRule
{
    /// <summary>The relative floor below which differences do not count: 1e-6 (float32), 1e-3 (float16), 8e-3 (bfloat16).</summary>
    public static double Floor(DType dtype) => dtype switch
    {
        DType.Float16 => 1e-3,
        DType.BFloat16 => 8e-3,
        _ => 1e-6,
    };

    /// <summary>Compares one output with its oracle.</summary>
    /// <param name="output">Its name, for the report.</param>
    /// <param name="actual">What was computed.</param>
    /// <param name="exact">The float64 oracle.</param>
    /// <param name="plain">The straightforward computation in the storage's precision.</param>
    /// <param name="dtype">The storage's precision.</param>
    /// <param name="isGradient">Whether it is a gradient.</param>
    public static Comparison Compare(
        string output, ReadOnlySpan<float> actual, ReadOnlySpan<double> exact, ReadOnlySpan<double> plain, DType dtype, bool isGradient)
    {
        if (plain.Length != exact.Length)
            throw new ArgumentException($"{output}: the plain computation gave {plain.Length} values, {exact.Length} were expected.", nameof(plain));
        double plainError = 0;
        for (int i = 0; i < exact.Length; i++)
            plainError = Math.Max(plainError, Math.Abs(plain[i] - exact[i]));
        return Compare(output, actual, exact, plainError, dtype, isGradient);
    }

    /// <summary>Compares one output with its oracle where only the largest error of the plain computation is known.</summary>
    /// <param name="output">Its name, for the report.</param>
    /// <param name="actual">What was computed.</param>
    /// <param name="exact">The float64 oracle.</param>
    /// <param name="plainError">How far off the straightforward computation in the storage's precision is at most.</param>
    /// <param name="dtype">The storage's precision.</param>
    /// <param name="isGradient">Whether it is a gradient.</param>
    public static Comparison Compare(string output, ReadOnlySpan<float> actual, ReadOnlySpan<double> exact, double plainError, DType dtype, bool isGradient)
    {
        if (actual.Length != exact.Length)
            throw new ArgumentException($"{output}: {actual.Length} values were computed, {exact.Length} were expected.", nameof(actual));
        double error = 0, largest = 0;
        bool finite = double.IsFinite(plainError);
        for (int i = 0; i < exact.Length; i++)
        {
            finite &= float.IsFinite(actual[i]) && double.IsFinite(exact[i]);
            error = Math.Max(error, Math.Abs(actual[i] - exact[i]));
            largest = Math.Max(largest, Math.Abs(exact[i]));
        }

        double limit = Math.Max((isGradient ? 3 : 2) * plainError, Floor(dtype) * largest);
        return new Comparison(output, finite ? error : double.PositiveInfinity, limit, finite && error <= limit);
    }
}
