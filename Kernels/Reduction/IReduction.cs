using System.Runtime.Intrinsics;

namespace GpuTransformer.Kernels;

/// <summary>
/// How many numbers become one, which a reducing kernel takes as a type argument: each is mapped, given a number of its row, and the results are combined in a
/// fixed order.
/// </summary>
internal interface IReduction<TSelf>
    where TSelf : unmanaged, IReduction<TSelf>
{
    /// <summary>What no numbers at all give.</summary>
    static abstract float Identity { get; }

    /// <summary>f(x, c) in a GPU thread; c is the row's centre, 0 where there is none.</summary>
    static abstract float Map(float x, float c);

    /// <summary>f(x, c) in sixteen SIMD lanes.</summary>
    static abstract Vector512<float> Map(Vector512<float> x, Vector512<float> c);

    /// <summary>Two results become one in a GPU thread.</summary>
    static abstract float Combine(float a, float b);

    /// <summary>Two results become one in sixteen SIMD lanes.</summary>
    static abstract Vector512<float> Combine(Vector512<float> a, Vector512<float> b);

    /// <summary>What is stored.</summary>
    static abstract float Finish(float total, float c, float scale);
}

/// <summary>The derivative of a reduction by one of its numbers, which a kernel takes as a type argument. What is absent is passed as zero.</summary>
internal interface IReductionGradient<TSelf>
    where TSelf : unmanaged, IReductionGradient<TSelf>
{
    /// <summary>dx in a GPU thread.</summary>
    /// <param name="g">The gradient of the row's result.</param>
    /// <param name="x">The number.</param>
    /// <param name="c">The row's centre.</param>
    /// <param name="n">How many numbers of the row share the gradient.</param>
    /// <param name="scale">The operator's factor.</param>
    static abstract float Apply(float g, float x, float c, float n, float scale);

    /// <summary>dx in sixteen SIMD lanes.</summary>
    /// <inheritdoc cref="Apply(float, float, float, float, float)"/>
    static abstract Vector512<float> Apply(Vector512<float> g, Vector512<float> x, Vector512<float> c, Vector512<float> n, float scale);
}
