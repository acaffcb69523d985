using System.Runtime.Intrinsics;

namespace GpuTransformer.Kernels;

/// <summary>One parameter and its moments, in a GPU thread.</summary>
internal struct UpdateState
{
    public float Parameter;
    public float First;
    public float Second;
}

/// <summary>Sixteen parameters and their moments, in SIMD lanes.</summary>
internal struct UpdateLanes
{
    public Vector512<float> Parameter;
    public Vector512<float> First;
    public Vector512<float> Second;
}

/// <summary>
/// How an optimizer changes a parameter, as a type argument of the one update kernel. An implementation holds the step's numbers (rate, decay, bias
/// corrections) and is passed by value.
/// </summary>
internal interface IUpdateRule<TSelf>
    where TSelf : unmanaged, IUpdateRule<TSelf>
{
    /// <summary>How many moments are kept: 1 or 2.</summary>
    static abstract int Moments { get; }

    /// <summary>The state after a step, in a GPU thread.</summary>
    static abstract UpdateState Apply(TSelf rule, UpdateState state, float gradient);

    /// <summary>The state after a step, in sixteen SIMD lanes.</summary>
    static abstract UpdateLanes Apply(TSelf rule, UpdateLanes state, Vector512<float> gradient);
}
