using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace GpuTransformer.Kernels;

/// <summary>Stochastic gradient descent with momentum, as PyTorch computes it: m ← μ m + g + decay · p; p ← p − rate · m.</summary>
internal struct SgdRule : IUpdateRule<SgdRule>
{
    public float Rate;
    public float Momentum;
    public float Decay;

    public static int Moments => 1;

    public static UpdateState Apply(SgdRule rule, UpdateState state, float gradient)
    {
        state.First = rule.Momentum * state.First + gradient + rule.Decay * state.Parameter;
        state.Parameter -= rule.Rate * state.First;
        return state;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static UpdateLanes Apply(SgdRule rule, UpdateLanes state, Vector512<float> gradient)
    {
        state.First = rule.Momentum * state.First + gradient + rule.Decay * state.Parameter;
        state.Parameter -= rule.Rate * state.First;
        return state;
    }
}
