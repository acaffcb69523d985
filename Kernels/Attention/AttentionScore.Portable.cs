using ILGPU;

namespace GpuTransformer.Kernels;

/// <summary>From q·k to the score. Compiled into the kernel, so that biases that are not there cost nothing.</summary>
internal interface IAttentionScore
{
    /// <summary>log2 e · softclamp(scale · product + bias).</summary>
    static abstract float Apply(AttentionArrays arrays, AttentionRules rules, AttentionRow row, float product, int key);
}

/// <summary>scale · product.</summary>
internal readonly struct ScaledScore : IAttentionScore
{
    // Rounded after each factor, as BiasedScore rounds: a mask that hides nothing changes no bit.
    public static float Apply(AttentionArrays arrays, AttentionRules rules, AttentionRow row, float product, int key) => product * rules.Scale * AttentionRow.Log2E;
}

/// <summary>scale · product + bias, soft-clamped: an additive bias, ALiBi, the clamp, or several of them.</summary>
internal readonly struct BiasedScore : IAttentionScore
{
    public static float Apply(AttentionArrays arrays, AttentionRules rules, AttentionRow row, float product, int key)
    {
        float score = product * rules.Scale;
        int column = key - rules.FreeColumns;
        if (column >= 0)
        {
            if (arrays.Bias.Length > 0)
                score += arrays.Bias[row.BiasStart + column];
            float position = column;
            if (arrays.Positions.Length > 0)
                position = arrays.Positions[row.PositionStart + column];
            score -= row.Slope * IntrinsicMath.Abs(position - row.Position);
        }

        return SoftClamp.ApplyIfSet(score, rules.SoftClamp) * AttentionRow.Log2E;
    }

    /// <summary>softclamp'(S) at a visible score, which is given as <see cref="Apply"/> returned it.</summary>
    public static float Derivative(AttentionRules rules, float score)
    {
        // d/dx c tanh(x / c) = 1 − tanh², and the clamped score is c tanh.
        float slope = 1f;
        if (rules.SoftClamp > 0f)
        {
            float tanh = score * AttentionRow.Ln2 / rules.SoftClamp;
            slope = 1f - tanh * tanh;
        }

        return slope;
    }
}
