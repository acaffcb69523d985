namespace GpuTransformer.Kernels;

/// <summary>
/// What one head of one batch attends and how its scores are biased, with every stride already applied: keys count from the first free column, as in
/// <see cref="AttentionRules"/>, and the pointers are shifted so that a key's own number indexes them.
/// </summary>
internal readonly unsafe struct AttentionHead
{
    /// <summary>The most lanes a block may have: one bit each in a 64-bit word.</summary>
    public const int MaximumLanes = 64;

    private readonly AttentionRules _rules;
    private readonly byte* _keyMask;    // [keys], not to be read below FreeColumns; or null
    private readonly byte* _mask;       // [queries][keys], the same; or null
    private readonly float* _bias;      // [queries][keys], the same; or null
    private readonly float* _positions; // [keys − freeColumns] or null
    private readonly int _alignment;    // keys − queries: how far the last key is ahead of the last query

    public AttentionHead(in AttentionShape shape, in AttentionRules rules, in AttentionPointers arrays, int batch, int head)
    {
        _rules = rules;
        _alignment = shape.Keys - shape.Queries;
        int columns = shape.Keys - rules.FreeColumns;
        _keyMask = arrays.KeyMask == null ? null : arrays.KeyMask + (long)batch * columns - rules.FreeColumns;
        _mask = arrays.Mask == null ? null : arrays.Mask + batch * rules.MaskBatchStride + head * rules.MaskHeadStride - rules.FreeColumns;
        _bias = arrays.Bias == null ? null : arrays.Bias + batch * rules.BiasBatchStride + head * rules.BiasHeadStride - rules.FreeColumns;
        _positions = arrays.Positions == null ? null : arrays.Positions + batch * rules.PositionBatchStride + head * rules.PositionHeadStride;
        Slope = arrays.Slopes == null ? 0f : arrays.Slopes[head];
    }

    /// <summary>ALiBi's slope; 0 for none.</summary>
    public float Slope { get; }

    public bool HasBias => _bias != null;

    /// <summary>Whether anything but visibility changes a score.</summary>
    public bool ChangesScores => HasBias || Slope != 0f || SoftClamp != 0f;

    public int FreeColumns => _rules.FreeColumns;

    public float SoftClamp => _rules.SoftClamp;

    /// <summary>The bias of query <paramref name="query"/>, indexed by key; only for keys that are not free.</summary>
    public float* BiasRow(int query) => _bias + query * _rules.BiasQueryStride;

    /// <summary>Elements from one query's bias to the next.</summary>
    public long BiasStride => _rules.BiasQueryStride;

    /// <summary>Where a query is, for ALiBi.</summary>
    public float QueryPosition(int query) => _positions == null ? query + _alignment : _positions[query];

    /// <summary>Where a key that is not free is, for ALiBi.</summary>
    public float KeyPosition(int key) => _positions == null ? key : _positions[key - _rules.FreeColumns];

    /// <summary>The first key at or after <paramref name="key"/> that the window may leave visible to a query from <paramref name="firstQuery"/> on.</summary>
    public int SkipBeforeWindow(int key, int firstQuery)
        => _rules.Window < 0 || key < _rules.FreeColumns ? key : Math.Max(key, firstQuery + _alignment - _rules.Window);

    /// <summary>Lists the keys of a tile that at least one query of the block sees, in order.</summary>
    /// <param name="firstQuery">The query in lane 0.</param>
    /// <param name="queries">Lanes in use, 1 to 64.</param>
    /// <param name="firstKey">The tile's first key.</param>
    /// <param name="count">The tile's keys.</param>
    /// <param name="keys">[count] receives their numbers.</param>
    /// <param name="visible">[count] receives, for each of them, one bit per lane; not written where <paramref name="everyKey"/>.</param>
    /// <param name="everyKey">Whether every query sees every key listed.</param>
    /// <returns>How many keys are listed.</returns>
    public int ListVisible(int firstQuery, int queries, int firstKey, int count, int* keys, ulong* visible, out bool everyKey)
    {
        everyKey = SeesAll(firstQuery, queries, firstKey, count);
        if (everyKey)
        {
            for (int k = 0; k < count; k++)
                keys[k] = firstKey + k;
            return count;
        }

        new Span<ulong>(visible, count).Fill(ulong.MaxValue);
        int free = Math.Clamp(_rules.FreeColumns - firstKey, 0, count);
        if (_mask != null)
            ApplyMask(firstQuery, queries, firstKey, free, count, visible);
        ulong all = queries == MaximumLanes ? ulong.MaxValue : (1UL << queries) - 1;
        int listed = 0;
        everyKey = true;
        for (int k = 0; k < count; k++)
        {
            int key = firstKey + k;
            ulong bits = all & visible[k];
            if (k >= free)
                bits = _keyMask != null && _keyMask[key] == 0 ? 0 : bits & InRange(firstQuery, key);
            if (bits == 0)
                continue;
            everyKey &= bits == all;
            keys[listed] = key;
            visible[listed++] = bits;
        }

        return listed;
    }

    // Whether no key of a tile can be invisible to any query of the block.
    private bool SeesAll(int firstQuery, int queries, int firstKey, int count)
        => firstKey + count <= _rules.FreeColumns
        || (_keyMask == null && _mask == null
            && (_rules.Causal == 0 || firstKey + count - 1 <= firstQuery + _rules.CausalOffset)
            && (_rules.Window < 0 || firstQuery + queries - 1 + _alignment - firstKey <= _rules.Window));

    // Causality gives a lowest lane and the window a highest.
    private ulong InRange(int firstQuery, int key)
    {
        ulong bits = ulong.MaxValue;
        if (_rules.Causal != 0)
        {
            int lowest = key - _rules.CausalOffset - firstQuery;
            bits = lowest <= 0 ? bits : lowest >= MaximumLanes ? 0 : bits << lowest;
        }

        if (_rules.Window >= 0)
        {
            int highest = key - _alignment + _rules.Window - firstQuery;
            bits = highest < 0 ? 0 : highest >= MaximumLanes - 1 ? bits : bits & ((2UL << highest) - 1);
        }

        return bits;
    }

    // Eight queries by eight keys at a time: the bytes are 0 or 1, so shifting each query's eight by its lane and adding them up transposes bits into bytes.
    private void ApplyMask(int firstQuery, int queries, int firstKey, int free, int count, ulong* visible)
    {
        for (int lane = 0; lane < queries; lane += 8)
        {
            int lanes = Math.Min(8, queries - lane);
            byte* corner = _mask + (firstQuery + lane) * _rules.MaskQueryStride + firstKey;
            int k = free;
            for (; k + 8 <= count; k += 8)
            {
                ulong columns = 0;
                for (int row = 0; row < lanes; row++)
                    columns |= *(ulong*)(corner + row * _rules.MaskQueryStride + k) << row;
                for (int column = 0; column < 8; column++)
                    ((byte*)(visible + k + column))[lane / 8] = (byte)(columns >> (8 * column));
            }

            for (; k < count; k++)
            {
                int bits = 0;
                for (int row = 0; row < lanes; row++)
                    bits |= corner[row * _rules.MaskQueryStride + k] << row;
                ((byte*)(visible + k))[lane / 8] = (byte)bits;
            }
        }
    }
}
