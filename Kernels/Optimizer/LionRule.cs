using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace GpuTransformer.Kernels;

/// <summary>
/// Lion (Chen et al. 2023): u = β₁ m + (1 − β₁) g; p ← (1 − rate · decay) p − rate · sign(u); m ← β₂ m + (1 − β₂) g. The sign of zero is zero.
/// </summary>
internal struct LionRule : IUpdateRule<LionRule>
{
    public float Keep;  // 1 − rate · decay
    public float Rate;
    public float Beta1;
    public float Beta2;

    public static int Moments => 1;

    public static UpdateState Apply(LionRule rule, UpdateState state, float gradient)
    {
        float direction = rule.Beta1 * state.First + (1f - rule.Beta1) * gradient;
        float move = direction > 0f ? rule.Rate : direction < 0f ? -rule.Rate : 0f;
        state.Parameter = state.Parameter * rule.Keep - move;
        state.First = rule.Beta2 * state.First + (1f - rule.Beta2) * gradient;
        return state;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static UpdateLanes Apply(LionRule rule, UpdateLanes state, Vector512<float> gradient)
    {
        Vector512<float> direction = rule.Beta1 * state.First + (1f - rule.Beta1) * gradient, zero = default;
        Vector512<float> rate = Vector512.Create(rule.Rate);
        Vector512<float> move = Vector512.ConditionalSelect(
            Vector512.GreaterThan(direction, zero), rate, Vector512.ConditionalSelect(Vector512.LessThan(direction, zero), -rate, zero));
        state.Parameter = state.Parameter * rule.Keep - move;
        state.First = rule.Beta2 * state.First + (1f - rule.Beta2) * gradient;
        return state;
    }
}
