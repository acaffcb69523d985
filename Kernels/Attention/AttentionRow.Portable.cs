using ILGPU;

namespace GpuTransformer.Kernels;

/// <summary>The arrays that decide which keys are visible and what is added to their scores. An empty view is off.</summary>
internal struct AttentionArrays
{
    public ArrayView<byte> KeyMask;    // [batch, keys − freeColumns] or empty
    public ArrayView<byte> Mask;       // [batch|1, heads|1, queries|1, keys − freeColumns] or empty
    public ArrayView<float> Bias;      // [batch|1, heads|1, queries|1, keys − freeColumns] or empty
    public ArrayView<float> Slopes;    // [heads] or empty
    public ArrayView<float> Positions; // [batch|1, heads|1, keys − freeColumns] or empty
}

/// <summary>Everything about one query that the rules need, found once and used for every key.</summary>
internal struct AttentionRow
{
    /// <summary>Stands for the score of an invisible key: finite, so that no arithmetic on it makes a NaN, and below any score that matters.</summary>
    public const float Hidden = -1e30f;

    /// <summary>Scores are kept times log2 e, for 2^x is what the hardware computes.</summary>
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
    /// The score of a key times log2 e, or <see cref="Hidden"/>, for kernels that are compiled once for all rules: the question is the same for the whole launch and
    /// costs less than a second kernel, of which an OpenCL compiler takes seconds.
    /// </summary>
    public static float Score(AttentionArrays arrays, AttentionRules rules, AttentionRow row, float product, int key) => rules.IsPlain != 0
        ? Score<NoAttentionMask, ScaledScore>(arrays, rules, row, product, key)
        : Score<ArrayAttentionMask, BiasedScore>(arrays, rules, row, product, key);

    /// <summary>The score of a key times log2 e, or <see cref="Hidden"/>.</summary>
    public static float Score<TMask, TScore>(AttentionArrays arrays, AttentionRules rules, AttentionRow row, float product, int key)
        where TMask : struct, IAttentionMask
        where TScore : struct, IAttentionScore
    {
        bool visible = IsInRange(row, key);
        if (visible && key >= rules.FreeColumns)
            visible = TMask.IsVisible(arrays, row, key - rules.FreeColumns);
        float score = Hidden;
        if (visible)
            score = TScore.Apply(arrays, rules, row, product, key);
        return score;
    }
}
