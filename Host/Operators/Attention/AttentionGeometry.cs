using GpuTransformer.Kernels;

namespace GpuTransformer.Host;

/// <summary>From tensor shapes and options to the numbers that the attention kernels compute with.</summary>
internal static class AttentionGeometry
{
    /// <summary>Sizes and strides of a call whose shapes were checked.</summary>
    public static AttentionShape Shape(ScoreOptions options, Shape query, Shape key, Shape value)
    {
        int heads = options.Heads, keyValueHeads = KeyValueHeads(options);
        bool headMajor = options.Layout == AttentionLayout.HeadMajor;
        int queries = query[^2], rows = key[^2], keys = options.KeyCount ?? rows;
        int headDim = headMajor ? query[^1] : query[^1] / heads;
        int valueDim = headMajor ? value[^1] : value[^1] / keyValueHeads;
        (long queryHead, long queryRow) = Strides(headMajor, heads, queries, headDim);
        (long keyHead, long keyRow) = Strides(headMajor, keyValueHeads, rows, headDim);
        (long valueHead, long valueRow) = Strides(headMajor, keyValueHeads, rows, valueDim);
        (long outputHead, long outputRow) = Strides(headMajor, heads, queries, valueDim);
        return new AttentionShape
        {
            Batch = query[0],
            Heads = heads,
            KeyValueHeads = keyValueHeads,
            Queries = queries,
            Keys = keys,
            HeadDim = headDim,
            ValueDim = valueDim,
            GroupSize = options.Grouping == HeadGrouping.Blocks ? heads / keyValueHeads : 1,
            QueryBatchStride = (long)heads * queries * headDim,
            QueryHeadStride = queryHead,
            QueryRowStride = queryRow,
            KeyBatchStride = (long)keyValueHeads * rows * headDim,
            KeyHeadStride = keyHead,
            KeyRowStride = keyRow,
            ValueBatchStride = (long)keyValueHeads * rows * valueDim,
            ValueHeadStride = valueHead,
            ValueRowStride = valueRow,
            OutputBatchStride = (long)heads * queries * valueDim,
            OutputHeadStride = outputHead,
            OutputRowStride = outputRow,
        };
    }

    /// <summary>The options as numbers, with the strides of the arrays that travel beside them.</summary>
    public static AttentionRules Rules(ScoreOptions options, in AttentionShape shape, Shape? mask, Shape? bias, Shape? positions, Shape? distances = null)
    {
        var rules = new AttentionRules
        {
            Scale = options.Scale ?? 1f / MathF.Sqrt(shape.HeadDim),
            SoftClamp = options.SoftClamp ?? 0f,
            FreeColumns = options.FreeColumns,
            Causal = options.Causal == CausalAlignment.None ? 0 : 1,
            CausalOffset = options.Causal == CausalAlignment.TopLeft ? options.FreeColumns : shape.Keys - shape.Queries,
            Window = options.Window ?? -1,
            Dropout = Dropout(options),
        };
        if (mask is { } m)
            (rules.MaskBatchStride, rules.MaskHeadStride, rules.MaskQueryStride) = (Stride(m, 0), Stride(m, 1), Stride(m, 2));
        if (bias is { } b)
            (rules.BiasBatchStride, rules.BiasHeadStride, rules.BiasQueryStride) = (Stride(b, 0), Stride(b, 1), Stride(b, 2));
        if (positions is { } p)
            (rules.PositionBatchStride, rules.PositionHeadStride) = (Stride(p, 0), Stride(p, 1));
        if (distances is { } table)
        {
            // Further out, every distance reads the same entry.
            rules.DistanceSpan = table[1];
            rules.PositionHeadStride = table[1];
            rules.DistanceOrigin = (int)Math.Clamp(options.DistanceOrigin, -(long)shape.Queries, (long)table[1] + shape.Keys);
        }

        return rules;
    }

    /// <summary>
    /// How the gradient of a table of biases is summed before it is folded: [parts, heads, distances]. Enough parts to keep a GPU busy, and few enough that
    /// memory grows with the length alone; a function of the shape alone, so that results depend on nothing else.
    /// </summary>
    public static Shape DistanceSums(in AttentionShape shape)
    {
        const int Wanted = 256, RowsPerPart = 32;
        long most = (long)shape.Batch * ((shape.Queries + RowsPerPart - 1) / RowsPerPart);
        return [(int)Math.Max(1, Math.Min(most, (Wanted + shape.Heads - 1) / shape.Heads)), shape.Heads, Math.Max(0, shape.Queries + shape.Keys - 1)];
    }

    /// <summary>The shape of the output.</summary>
    public static Shape Output(ScoreOptions options, in AttentionShape shape) => options.Layout == AttentionLayout.HeadMajor
        ? [shape.Batch, shape.Heads, shape.Queries, shape.ValueDim]
        : [shape.Batch, shape.Queries, shape.Heads * shape.ValueDim];

    /// <summary>The shape of what forward keeps for backward.</summary>
    public static Shape Normalizer(in AttentionShape shape) => [shape.Batch, shape.Heads, shape.Queries, 2];

    /// <summary>Key/value heads, the default being as many as query heads.</summary>
    public static int KeyValueHeads(ScoreOptions options) => options.KeyValueHeads == 0 ? options.Heads : options.KeyValueHeads;

    private static AttentionDropout Dropout(ScoreOptions options) => new()
    {
        Threshold = (uint)(options.Dropout * 4294967296.0),
        Scale = 1f / (1f - options.Dropout),
        KeyA = (uint)options.DropoutSeed,
        KeyB = (uint)(options.DropoutSeed >> 32),
        StreamA = (uint)options.DropoutStream,
        StreamB = (uint)(options.DropoutStream >> 32),
    };

    private static (long Head, long Row) Strides(bool headMajor, int heads, int rows, int width)
        => headMajor ? ((long)rows * width, width) : (width, (long)heads * width);

    // An axis of length one is read again for every index: stride zero.
    private static long Stride(Shape shape, int axis)
    {
        long stride = 1;
        for (int inner = axis + 1; inner < shape.Rank; inner++)
            stride *= shape[inner];
        return shape[axis] == 1 ? 0 : stride;
    }
}
