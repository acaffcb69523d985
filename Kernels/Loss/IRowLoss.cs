using System.Runtime.Intrinsics;

namespace GpuTransformer.Kernels;

/// <summary>
/// How much a prediction differs from its target, number by number: all that is written for a new loss that is a mean over rows. An implementation holds the
/// loss's constants.
/// </summary>
internal interface IRowLoss<TSelf>
    where TSelf : unmanaged, IRowLoss<TSelf>
{
    /// <summary>Its name in the catalogue.</summary>
    static abstract string Name { get; }

    /// <summary>What it computes.</summary>
    static abstract string Formula { get; }

    /// <summary>The loss of one number, from prediction − target.</summary>
    static abstract float Apply(TSelf f, float difference);

    /// <summary>The same in sixteen SIMD lanes.</summary>
    static abstract Vector512<float> Apply(TSelf f, Vector512<float> difference);

    /// <summary>Its derivative by the prediction.</summary>
    static abstract float Gradient(TSelf f, float difference);

    /// <summary>The same in sixteen SIMD lanes.</summary>
    static abstract Vector512<float> Gradient(TSelf f, Vector512<float> difference);
}
