namespace GpuTransformer.Kernels;

/// <summary>
/// What one head of one batch attends and how its scores are biased, with every stride already applied: keys count from the first free column, as in
/// <see cref="AttentionRules"/>, and the pointers are shifted so that a key's own number indexes them.
/// </summary>
internal readonly unsafe struct AttentionHead
{
    private readonly float* _bias;      // [queries][keys], not to be read below FreeColumns; or null
    private readonly float* _positions; // [keys − freeColumns] or null
    private readonly long _biasStride;
    private readonly DistanceBias _distances;
    private readonly int _alignment;    // keys − queries: how far the last key is ahead of the last query

    public AttentionHead(in AttentionShape shape, in AttentionRules rules, in AttentionPointers arrays, int batch, int head)
    {
        Sight = new AttentionSight(shape, rules, arrays, batch, head);
        _alignment = shape.Keys - shape.Queries;
        _biasStride = rules.BiasQueryStride;
        _bias = arrays.Bias == null ? null : arrays.Bias + batch * rules.BiasBatchStride + head * rules.BiasHeadStride - rules.FreeColumns;
        _positions = arrays.Positions == null ? null : arrays.Positions + batch * rules.PositionBatchStride + head * rules.PositionHeadStride;
        _distances = new DistanceBias(rules, arrays.Distances, head);
        Slope = arrays.Slopes == null ? 0f : arrays.Slopes[head];
        SoftClamp = rules.SoftClamp;
        FreeColumns = rules.FreeColumns;
    }

    /// <summary>Which keys a query sees.</summary>
    public AttentionSight Sight { get; }

    /// <summary>ALiBi's slope; 0 for none.</summary>
    public float Slope { get; }

    /// <summary>c in c · tanh(score / c); 0 for none.</summary>
    public float SoftClamp { get; }

    /// <summary>Leading keys without bias.</summary>
    public int FreeColumns { get; }

    /// <summary>Whether numbers of an array are added to scores: of the additive bias, of a table by distance, or of both.</summary>
    public bool HasBias => _bias != null || _distances.Exists;

    /// <summary>Whether anything but visibility changes a score.</summary>
    public bool ChangesScores => HasBias || Slope != 0f || SoftClamp != 0f;

    /// <summary>How many of <paramref name="count"/> neighbouring keys are free; they come first.</summary>
    public int FreeAmong(int firstKey, int count) => Math.Clamp(FreeColumns - firstKey, 0, count);

    /// <summary>For queries in lanes: where they are and how steep ALiBi is.</summary>
    public void PlaceQueriesInLanes(in FlashScratch scratch, int firstQuery, int queries)
    {
        for (int lane = 0; lane < scratch.Lanes; lane++)
        {
            scratch.LanePositions[lane] = QueryPosition(firstQuery + Math.Min(lane, queries - 1));
            scratch.LaneSlopes[lane] = -Slope;
        }
    }

    /// <summary>For keys in lanes: where they are, and how steep ALiBi is, which does not concern free keys.</summary>
    public void PlaceKeysInLanes(in FlashScratch scratch, int firstKey, int keys)
    {
        for (int lane = 0; lane < scratch.Lanes; lane++)
        {
            int key = firstKey + Math.Min(lane, keys - 1);
            scratch.LanePositions[lane] = key < FreeColumns ? 0f : KeyPosition(key);
            scratch.LaneSlopes[lane] = key < FreeColumns ? 0f : -Slope;
        }
    }

    /// <summary>Where the listed queries are.</summary>
    public void PlaceQueries(in FlashScratch scratch, int count)
    {
        for (int r = 0; r < count; r++)
            scratch.RowPositions[r] = QueryPosition(scratch.Numbers[r]);
    }

    /// <summary>Where the listed keys are; free ones have no position.</summary>
    public void PlaceKeys(in FlashScratch scratch, int count)
    {
        for (int r = 0; r < count; r++)
            scratch.RowPositions[r] = scratch.Numbers[r] < FreeColumns ? 0f : KeyPosition(scratch.Numbers[r]);
    }

    /// <summary>scratch.Bias[key − firstKey][lane] for queries in lanes; rows of free keys are left alone.</summary>
    public void PackBiasByQuery(in FlashScratch scratch, int firstQuery, int queries, int firstKey, int keys)
    {
        int free = FreeAmong(firstKey, keys);
        if (_bias != null)
            PackArrayByQuery(scratch, firstQuery, queries, firstKey, keys, free);
        if (_distances.Exists)
            _distances.PackByQuery(scratch, firstKey - firstQuery - _alignment, keys, free, _bias != null);
    }

    /// <summary>scratch.Bias[query − firstQuery][lane] for keys in lanes; zero in lanes of free keys.</summary>
    public void PackBiasByKey(in FlashScratch scratch, int firstKey, int keys, int firstQuery, int queries)
    {
        int free = FreeAmong(firstKey, keys);
        if (_bias != null)
            PackArrayByKey(scratch, firstKey, keys, firstQuery, queries, free);
        if (_distances.Exists)
            _distances.PackByKey(scratch, firstKey - firstQuery - _alignment, queries, free, _bias != null);
    }

    private void PackArrayByQuery(in FlashScratch scratch, int firstQuery, int queries, int firstKey, int keys, int free)
    {
        var source = (Float32*)(_bias + firstQuery * _biasStride + firstKey + free);

        // One row for all queries is one for the lanes without a query too: the bias's gradient adds lanes up, and what −∞ hides must be hidden in each of
        // them.
        int rows = _biasStride == 0 ? scratch.Lanes : queries;
        LanePanel.Pack(source, _biasStride, rows, keys - free, 1f, scratch.Bias + free * scratch.Lanes, scratch.Lanes, scratch.FourRows);
    }

    private void PackArrayByKey(in FlashScratch scratch, int firstKey, int keys, int firstQuery, int queries, int free)
    {
        for (int row = 0; row < queries; row++)
        {
            var target = new Span<float>(scratch.Bias + row * scratch.Lanes, scratch.Lanes);
            target.Clear();
            new ReadOnlySpan<float>(_bias + (firstQuery + row) * _biasStride + firstKey + free, keys - free).CopyTo(target[free..]);
        }
    }

    private float QueryPosition(int query) => _positions == null ? query + _alignment : _positions[query];

    private float KeyPosition(int key) => _positions == null ? key : _positions[key - FreeColumns];
}
