using ILGPU;

namespace GpuTransformer.Kernels;

/// <summary>
/// One optimizer step for one tensor of parameters, in place; the gradient is multiplied by <see cref="GradientScale"/> first (clipping, loss scale,
/// accumulation).
/// </summary>
internal struct OptimizerUpdatePortable<TRule> : IGridKernel
    where TRule : unmanaged, IUpdateRule<TRule>
{
    /// <summary>Threads per group.</summary>
    public const int GroupSize = 64;

    /// <summary>Elements that one group updates.</summary>
    public const int ElementsPerGroup = 4 * GroupSize;

    public ArrayView<float> Parameter; // [count]
    public ArrayView<float> Gradient;  // [count]
    public ArrayView<float> First;     // [count]
    public ArrayView<float> Second;    // [count], or empty for a rule with one moment
    public float GradientScale;
    public TRule Rule;

    /// <inheritdoc/>
    public int FirstGroup { get; set; }

    /// <summary>How many groups the launch needs.</summary>
    public readonly long Groups => (Parameter.Length + ElementsPerGroup - 1) / ElementsPerGroup;

    /// <summary>Grid: count / <see cref="ElementsPerGroup"/> groups, rounded up.</summary>
    public static void Kernel(OptimizerUpdatePortable<TRule> p)
    {
        long start = (long)(p.FirstGroup + Grid.IdxX) * ElementsPerGroup;
        long end = IntrinsicMath.Min(start + ElementsPerGroup, p.Parameter.Length);
        for (long i = start + Group.IdxX; i < end; i += GroupSize)
        {
            UpdateState state = default;
            state.Parameter = p.Parameter[i];
            state.First = p.First[i];
            if (TRule.Moments == 2)
                state.Second = p.Second[i];
            state = TRule.Apply(p.Rule, state, p.Gradient[i] * p.GradientScale);
            p.Parameter[i] = state.Parameter;
            p.First[i] = state.First;
            if (TRule.Moments == 2)
                p.Second[i] = state.Second;
        }
    }
}
