namespace GpuTransformer.Kernels;

/// <summary>
/// Minimum and maximum in a GPU thread that keep NaN: those of PTX and OpenCL return the other operand, so that a rectifier would turn NaN into zero on a GPU
/// and not on a processor.
/// </summary>
internal static class LaneMath
{
    /// <summary>The smaller of a number and a bound; NaN where x is.</summary>
    public static float Min(float x, float bound) => x > bound ? bound : x;

    /// <summary>The larger of a number and a bound; NaN where x is.</summary>
    public static float Max(float x, float bound) => x < bound ? bound : x;
}
