using ILGPU;
using ILGPU.Algorithms;

namespace GpuTransformer.Kernels;

/// <summary>The arrays that decide which keys are visible and what is added to their scores. An empty view is off.</summary>
internal struct AttentionArrays
{
    public ArrayView<byte> KeyMask;    // [batch, keys − freeColumns] or empty
    public ArrayView<byte> Mask;       // [batch|1, heads|1, queries|1, keys − freeColumns] or empty
    public ArrayView<float> Bias;      // [batch|1, heads|1, queries|1, keys − freeColumns] or empty
    public ArrayView<float> Slopes;    // [heads] or empty
    public ArrayView<float> Positions; // [batch|1, heads|1, keys − freeColumns] or empty
    public ArrayView<float> Distances; // [heads, span] or empty
}

/// <summary>Everything about one query that the rules need, found once and used for every key.</summary>
internal struct AttentionRow
{
    /// <summary>Stands for the score of a key that is hidden. No visible one has it: <see cref="AttentionRules.LowestScore"/>.</summary>
    public const float Hidden = float.NegativeInfinity;

    /// <summary>
    /// 2^x is what the hardware computes. It multiplies differences of scores and not the scores themselves: rounding a score of a hundred once more costs its
    /// probability 4e-6.
    /// </summary>
    public const float Log2E = 1.44269504f;

    /// <summary>From base 2 back to base e.</summary>
    public const float Ln2 = 0.693147181f;

    /// <summary>Visible keys lie in [<see cref="First"/>, <see cref="End"/>), and before <see cref="FreeEnd"/>.</summary>
    public int First;
    public int End;
    public int FreeEnd;

    /// <summary>Where column 0 of this query lies in each array; columns are keys less the free ones.</summary>
    public long KeyMaskStart;
    public long MaskStart;
    public long BiasStart;

    /// <summary>The same for ALiBi's positions; or where the head's table of biases by distance begins, of which there is only one of the two.</summary>
    public long PositionStart;

    /// <summary>ALiBi's slope, and the query's position in terms of key columns.</summary>
    public float Slope;
    public float Position;

    /// <summary>The row of one query; one past the last query is a row that sees nothing.</summary>
    public static AttentionRow Of(AttentionArrays arrays, AttentionShape shape, AttentionRules rules, int batch, int head, int query)
    {
        bool exists = query < shape.Queries;
        int position = query + shape.Keys - shape.Queries;
        var row = new AttentionRow
        {
            First = FirstKey(shape, rules, query),
            End = exists ? rules.KeyEnd(shape, query) : 0,
            FreeEnd = exists ? rules.FreeColumns : 0,
            KeyMaskStart = (long)batch * (shape.Keys - rules.FreeColumns),
            MaskStart = batch * rules.MaskBatchStride + head * rules.MaskHeadStride + query * rules.MaskQueryStride,
            BiasStart = batch * rules.BiasBatchStride + head * rules.BiasHeadStride + query * rules.BiasQueryStride,
            PositionStart = batch * rules.PositionBatchStride + head * rules.PositionHeadStride,
            Position = position - rules.FreeColumns,
        };
        if (arrays.Slopes.Length > 0)
            row.Slope = arrays.Slopes[head];
        if (exists && arrays.Positions.Length > 0)
            row.Position = arrays.Positions[row.PositionStart + query];
        return row;
    }

    /// <summary>Whether causality and the window leave the key visible.</summary>
    public static bool IsInRange(AttentionRow row, int key) => key < row.End && (key >= row.First || key < row.FreeEnd);

    /// <summary>The first key that the window leaves visible to <paramref name="query"/>, and so to all later ones; free columns aside.</summary>
    public static int FirstKey(AttentionShape shape, AttentionRules rules, int query)
        => rules.Window < 0 ? 0 : query + shape.Keys - shape.Queries - rules.Window;

    /// <summary>
    /// The score of a key, or <see cref="Hidden"/>, for kernels that are compiled once for all rules: the question is the same for the whole launch and
    /// costs less than a second kernel, of which an OpenCL compiler takes seconds.
    /// </summary>
    public static float Score(AttentionArrays arrays, AttentionRules rules, AttentionRow row, float product, int key) => rules.ScoreIsProduct != 0
        ? Score<NoAttentionMask, ScaledScore>(arrays, rules, row, product, key)
        : Score<ArrayAttentionMask, DistanceBiasedScore>(arrays, rules, row, product, key);

    /// <summary>Whether neither the range nor a mask nor a bias of −∞ hides the key.</summary>
    public static bool Sees<TMask, TScore>(AttentionArrays arrays, AttentionRules rules, AttentionRow row, int key)
        where TMask : struct, IAttentionMask
        where TScore : struct, IAttentionScore
    {
        bool visible = IsInRange(row, key);
        if (visible && key >= rules.FreeColumns)
            visible = TMask.IsVisible(arrays, row, key - rules.FreeColumns) && !TScore.Hides(arrays, rules, row, key - rules.FreeColumns);
        return visible;
    }

    /// <summary>The score of a key, at least <see cref="AttentionRules.LowestScore"/>, or <see cref="Hidden"/>.</summary>
    public static float Score<TMask, TScore>(AttentionArrays arrays, AttentionRules rules, AttentionRow row, float product, int key)
        where TMask : struct, IAttentionMask
        where TScore : struct, IAttentionScore
    {
        float score = Hidden;
        if (Sees<TMask, TScore>(arrays, rules, row, key))
        {
            score = TScore.Apply(arrays, rules, row, product, key);

            // As an expression a NaN stays one: "if (score < lowest)" asks for its opposite, which OpenCL takes for false of a NaN.
            score = score < AttentionRules.LowestScore ? AttentionRules.LowestScore : score;
        }

        return score;
    }

    /// <summary>e^(score − largest), zero where the score is <see cref="Hidden"/>.</summary>
    public static float Weight(float score, float largest) => score <= Hidden ? 0f : XMath.Exp2((score - largest) * Log2E);

    /// <summary>What sums under a largest score of <paramref name="before"/> are multiplied by when it becomes <paramref name="largest"/>.</summary>
    public static float Correction(float before, float largest) => XMath.Exp2((before - largest) * Log2E);
}
