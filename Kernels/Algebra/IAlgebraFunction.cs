using System.Runtime.Intrinsics;

namespace GpuTransformer.Kernels;

/// <summary>A function of up to three numbers, which a broadcasting kernel takes as a type argument. What is not read is passed as zero.</summary>
internal interface IBroadcastMap<TSelf>
    where TSelf : unmanaged, IBroadcastMap<TSelf>
{
    /// <summary>How many operands are read: 1 to 3.</summary>
    static abstract int Operands { get; }

    /// <summary>f(x, y, z) in a GPU thread.</summary>
    static abstract float Apply(TSelf map, float x, float y, float z);

    /// <summary>f(x, y, z) in sixteen SIMD lanes.</summary>
    static abstract Vector512<float> Apply(TSelf map, Vector512<float> x, Vector512<float> y, Vector512<float> z);
}

/// <summary>A differentiable function of one number: all that is written for a new one. An implementation holds the function's constants.</summary>
internal interface IUnaryFunction<TSelf>
    where TSelf : unmanaged, IUnaryFunction<TSelf>
{
    /// <summary>Its name in the catalogue.</summary>
    static abstract string Name { get; }

    /// <summary>What it computes.</summary>
    static abstract string Formula { get; }

    /// <summary>f(x).</summary>
    static abstract float Apply(TSelf f, float x);

    /// <summary>f(x) in sixteen SIMD lanes.</summary>
    static abstract Vector512<float> Apply(TSelf f, Vector512<float> x);

    /// <summary>g · f′(x).</summary>
    static abstract float Gradient(TSelf f, float g, float x);

    /// <summary>g · f′(x) in sixteen SIMD lanes.</summary>
    static abstract Vector512<float> Gradient(TSelf f, Vector512<float> g, Vector512<float> x);
}

/// <summary>A differentiable function of two numbers: all that is written for a new one.</summary>
internal interface IBinaryFunction<TSelf>
    where TSelf : unmanaged, IBinaryFunction<TSelf>
{
    /// <summary>Its name in the catalogue.</summary>
    static abstract string Name { get; }

    /// <summary>What it computes.</summary>
    static abstract string Formula { get; }

    /// <summary>f(a, b).</summary>
    static abstract float Apply(float a, float b);

    /// <summary>f(a, b) in sixteen SIMD lanes.</summary>
    static abstract Vector512<float> Apply(Vector512<float> a, Vector512<float> b);

    /// <summary>g · ∂f/∂a.</summary>
    static abstract float LeftGradient(float g, float a, float b);

    /// <summary>g · ∂f/∂a in sixteen SIMD lanes.</summary>
    static abstract Vector512<float> LeftGradient(Vector512<float> g, Vector512<float> a, Vector512<float> b);

    /// <summary>g · ∂f/∂b.</summary>
    static abstract float RightGradient(float g, float a, float b);

    /// <summary>g · ∂f/∂b in sixteen SIMD lanes.</summary>
    static abstract Vector512<float> RightGradient(Vector512<float> g, Vector512<float> a, Vector512<float> b);
}
