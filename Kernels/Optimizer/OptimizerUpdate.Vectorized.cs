using System.Runtime.Intrinsics;

namespace GpuTransformer.Kernels;

/// <summary>One optimizer step for one tensor of parameters, in place, with SIMD.</summary>
internal unsafe struct OptimizerUpdateVectorized<TRule> : IBlockKernel
    where TRule : unmanaged, IUpdateRule<TRule>
{
    public Float32* Parameter; // [count]
    public Float32* Gradient;  // [count]
    public Float32* First;     // [count]
    public Float32* Second;    // [count], or null for a rule with one moment
    public long Count;
    public int ElementsPerBlock;
    public float GradientScale;
    public TRule Rule;

    /// <summary>How many blocks the launch needs.</summary>
    public readonly int Blocks => checked((int)((Count + ElementsPerBlock - 1) / ElementsPerBlock));

    public readonly void Execute(int block)
    {
        long end = Math.Min(Count, (long)(block + 1) * ElementsPerBlock);
        for (long i = (long)block * ElementsPerBlock; i < end; i += ElementVector.Width)
        {
            int lanes = (int)Math.Min(ElementVector.Width, end - i);
            UpdateLanes state = default;
            state.Parameter = ElementVector.Load(Parameter + i, lanes);
            state.First = ElementVector.Load(First + i, lanes);
            if (TRule.Moments == 2)
                state.Second = ElementVector.Load(Second + i, lanes);
            state = TRule.Apply(Rule, state, ElementVector.Load(Gradient + i, lanes) * GradientScale);
            ElementVector.Store(state.Parameter, Parameter + i, lanes);
            ElementVector.Store(state.First, First + i, lanes);
            if (TRule.Moments == 2)
                ElementVector.Store(state.Second, Second + i, lanes);
        }
    }
}
