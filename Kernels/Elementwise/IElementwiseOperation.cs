using System.Runtime.Intrinsics;

namespace GpuTransformer.Kernels;

/// <summary>
/// A function of one or two numbers as a type argument: one kernel, compiled once per function, serves them all.
/// An implementation holds the function's constants (a factor, which activation) and is passed to the kernel by value.
/// </summary>
internal interface IElementwiseOperation<TSelf>
    where TSelf : unmanaged, IElementwiseOperation<TSelf>
{
    /// <summary>Whether the second operand is read. Where it is not, it is passed as zero.</summary>
    static abstract bool IsBinary { get; }

    /// <summary>f(left, right) in a GPU thread.</summary>
    static abstract float Apply(TSelf operation, float left, float right);

    /// <summary>f(left, right) in sixteen SIMD lanes.</summary>
    static abstract Vector512<float> Apply(TSelf operation, Vector512<float> left, Vector512<float> right);
}
