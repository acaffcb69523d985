using ILGPU;

namespace GpuTransformer.Kernels;

/// <summary>From scale · q·k to the score. Compiled into the kernel, so that biases that are not there cost nothing.</summary>
internal interface IAttentionScore
{
    /// <summary>softclamp(product + bias), the product being scaled.</summary>
    static abstract float Apply(AttentionArrays arrays, AttentionRules rules, AttentionRow row, float product, int key);

    /// <summary>Whether the bias is −∞ at the column, which is in range and not free.</summary>
    static abstract bool Hides(AttentionArrays arrays, AttentionRules rules, AttentionRow row, int column);
}

/// <summary>The scaled product as it is.</summary>
internal readonly struct ScaledScore : IAttentionScore
{
    public static float Apply(AttentionArrays arrays, AttentionRules rules, AttentionRow row, float product, int key) => product;

    public static bool Hides(AttentionArrays arrays, AttentionRules rules, AttentionRow row, int column) => false;
}

/// <summary>The scaled product + bias, soft-clamped: an additive bias, ALiBi, the clamp, or several of them.</summary>
internal readonly struct BiasedScore : IAttentionScore
{
    public static float Apply(AttentionArrays arrays, AttentionRules rules, AttentionRow row, float product, int key)
        => SoftClamp.ApplyIfSet(AddBias(arrays, rules, row, product, key), rules.SoftClamp);

    /// <summary>The product + bias, before the clamp.</summary>
    public static float AddBias(AttentionArrays arrays, AttentionRules rules, AttentionRow row, float product, int key)
    {
        float score = product;
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

        return score;
    }

    public static bool Hides(AttentionArrays arrays, AttentionRules rules, AttentionRow row, int column)
    {
        bool hides = false;
        if (arrays.Bias.Length > 0)
            hides = arrays.Bias[row.BiasStart + column] < AttentionRules.LowestScore;
        return hides;
    }

    /// <summary>softclamp'(S) at a visible score, which is given as <see cref="Apply"/> returned it.</summary>
    public static float Derivative(AttentionRules rules, float score)
    {
        // d/dx c tanh(x / c) = 1 − tanh², and the clamped score is c tanh.
        float slope = 1f;
        if (rules.SoftClamp > 0f)
        {
            float tanh = score / rules.SoftClamp;
            slope = 1f - tanh * tanh;
        }

        return slope;
    }
}

/// <summary>The same with a table of biases by distance, if there is one: for the kernels that are compiled once for all rules.</summary>
internal readonly struct DistanceBiasedScore : IAttentionScore
{
    public static float Apply(AttentionArrays arrays, AttentionRules rules, AttentionRow row, float product, int key)
    {
        float score = BiasedScore.AddBias(arrays, rules, row, product, key);
        if (arrays.Distances.Length > 0 && key >= rules.FreeColumns)
            score += Entry(arrays, rules, row, key - rules.FreeColumns);
        return SoftClamp.ApplyIfSet(score, rules.SoftClamp);
    }

    public static bool Hides(AttentionArrays arrays, AttentionRules rules, AttentionRow row, int column)
    {
        bool hides = BiasedScore.Hides(arrays, rules, row, column);
        if (arrays.Distances.Length > 0)
            hides |= Entry(arrays, rules, row, column) < AttentionRules.LowestScore;
        return hides;
    }

    private static float Entry(AttentionArrays arrays, AttentionRules rules, AttentionRow row, int column)
        => arrays.Distances[row.PositionStart + rules.DistanceEntry(column - (int)row.Position)];
}
