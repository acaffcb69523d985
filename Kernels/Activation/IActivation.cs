using System.Runtime.Intrinsics;

namespace GpuTransformer.Kernels;

/// <summary>
/// An elementwise function as a type argument: a kernel generic over it is compiled once per function and pays nothing for the others.
/// Implementations carry no state.
/// </summary>
internal interface IActivation
{
    /// <summary>f(x) in a GPU thread.</summary>
    static abstract float Apply(float x);

    /// <summary>f(x) in sixteen SIMD lanes.</summary>
    static abstract Vector512<float> Apply(Vector512<float> x);
}
