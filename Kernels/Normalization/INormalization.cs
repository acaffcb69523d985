using ILGPU;
using ILGPU.Algorithms;

namespace GpuTransformer.Kernels;

/// <summary>
/// How a row is normalised, as a type argument: x̂ = (x − centre) · factor, the factor being computed from Σ (x − centre)². The kernels, forward and
/// backward, are written once.
/// </summary>
internal interface INormalization
{
    /// <summary>Whether the centre is the row's mean, and not zero.</summary>
    static abstract bool IsCentred { get; }

    /// <summary>The factor, in a GPU thread.</summary>
    static abstract float Factor(float sumOfSquares, int dim, float epsilon);

    /// <summary>Whether ε took the place of the row's own size, so that the factor does not depend on the row.</summary>
    static abstract bool IsConstant(float sumOfSquares, float epsilon);
}

/// <summary>Layer normalisation: the mean is subtracted, and factor = 1 / sqrt(Σ (x − mean)² / dim + ε).</summary>
internal readonly struct LayerNormalization : INormalization
{
    public static bool IsCentred => true;

    public static float Factor(float sumOfSquares, int dim, float epsilon) => 1f / XMath.Sqrt(sumOfSquares / dim + epsilon);

    public static bool IsConstant(float sumOfSquares, float epsilon) => false;
}

/// <summary>Root mean square normalisation: factor = sqrt(dim) / max(‖x‖, ε).</summary>
internal readonly struct RmsNormalization : INormalization
{
    public static bool IsCentred => false;

    public static float Factor(float sumOfSquares, int dim, float epsilon) => XMath.Sqrt((float)dim) / IntrinsicMath.Max(XMath.Sqrt(sumOfSquares), epsilon);

    public static bool IsConstant(float sumOfSquares, float epsilon) => XMath.Sqrt(sumOfSquares) < epsilon;
}
