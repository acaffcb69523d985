using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using ILGPU.Algorithms;

namespace GpuTransformer.Kernels;

/// <summary>
/// AdamW with decoupled decay (Loshchilov and Hutter 2019), as PyTorch computes it:
/// p ← p − rate · decay · p; m ← m + (1 − β₁)(g − m); v ← β₂ v + (1 − β₂) g²; p ← p − stepSize · m / (sqrt(v) · inverseRootCorrection + ε),
/// stepSize = rate / (1 − β₁ᵗ), inverseRootCorrection = 1 / sqrt(1 − β₂ᵗ).
/// </summary>
internal struct AdamWRule : IUpdateRule<AdamWRule>
{
    public float Keep;                  // 1 − rate · decay
    public float Beta1;
    public float Beta2;
    public float StepSize;
    public float InverseRootCorrection;
    public float Epsilon;

    public static int Moments => 2;

    public static UpdateState Apply(AdamWRule rule, UpdateState state, float gradient)
    {
        state.First = rule.Beta1 * state.First + (1f - rule.Beta1) * gradient;
        state.Second = rule.Beta2 * state.Second + (1f - rule.Beta2) * gradient * gradient;
        float denominator = XMath.Sqrt(state.Second) * rule.InverseRootCorrection + rule.Epsilon;
        state.Parameter = state.Parameter * rule.Keep - rule.StepSize * state.First / denominator;
        return state;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static UpdateLanes Apply(AdamWRule rule, UpdateLanes state, Vector512<float> gradient)
    {
        state.First = rule.Beta1 * state.First + (1f - rule.Beta1) * gradient;
        state.Second = rule.Beta2 * state.Second + (1f - rule.Beta2) * gradient * gradient;
        Vector512<float> denominator = Vector512.Sqrt(state.Second) * rule.InverseRootCorrection + Vector512.Create(rule.Epsilon);
        state.Parameter = state.Parameter * rule.Keep - rule.StepSize * state.First / denominator;
        return state;
    }
}
