namespace GpuTransformer.Kernels;

/// <summary>Which keys the queries of one head see: masks and ranges as one bit per lane, for queries in lanes (forward) or keys in lanes (backward).</summary>
internal readonly unsafe struct AttentionSight
{
    /// <summary>The most lanes a block may have: one bit each in a 64-bit word.</summary>
    public const int MaximumLanes = 64;

    private readonly AttentionRules _rules;
    private readonly byte* _keyMask; // [keys], not to be read below FreeColumns; or null
    private readonly byte* _mask;    // [queries][keys], the same; or null
    private readonly int _alignment; // keys − queries: how far the last key is ahead of the last query

    public AttentionSight(in AttentionShape shape, in AttentionRules rules, in AttentionPointers arrays, int batch, int head)
    {
        _rules = rules;
        _alignment = shape.Keys - shape.Queries;
        int columns = shape.Keys - rules.FreeColumns;
        _keyMask = arrays.KeyMask == null ? null : arrays.KeyMask + (long)batch * columns - rules.FreeColumns;
        _mask = arrays.Mask == null ? null : arrays.Mask + batch * rules.MaskBatchStride + head * rules.MaskHeadStride - rules.FreeColumns;
    }

    /// <summary>The first key at or after <paramref name="key"/> that the window may leave visible to a query from <paramref name="firstQuery"/> on.</summary>
    public int SkipBeforeWindow(int key, int firstQuery)
        => _rules.Window < 0 || key < _rules.FreeColumns ? key : Math.Max(key, firstQuery + _alignment - _rules.Window);

    /// <summary>The first query that causality lets see a key from <paramref name="firstKey"/> on.</summary>
    public int FirstQuery(int firstKey) => _rules.Causal == 0 || firstKey < _rules.FreeColumns ? 0 : Math.Max(0, firstKey - _rules.CausalOffset);

    /// <summary>Lists the keys of a tile that at least one query of the block sees, in order. Lanes are queries.</summary>
    /// <param name="firstQuery">The query in lane 0.</param>
    /// <param name="queries">Lanes in use, 1 to 64.</param>
    /// <param name="firstKey">The tile's first key.</param>
    /// <param name="count">The tile's keys.</param>
    /// <param name="keys">[count] receives their numbers.</param>
    /// <param name="visible">[count] receives, for each of them, one bit per lane; not written where <paramref name="everything"/>.</param>
    /// <param name="everything">Whether every query sees every key listed.</param>
    /// <returns>How many keys are listed.</returns>
    public int ListKeys(int firstQuery, int queries, int firstKey, int count, int* keys, ulong* visible, out bool everything)
    {
        everything = SeesAll(firstQuery, queries, firstKey, count);
        if (everything)
            return ListAll(firstKey, count, keys);
        new Span<ulong>(visible, count).Fill(ulong.MaxValue);
        int free = Math.Clamp(_rules.FreeColumns - firstKey, 0, count);
        if (_mask != null)
            ApplyMask(firstQuery, queries, firstKey, free, count, visible);
        ulong all = AllLanes(queries);
        int listed = 0;
        everything = true;
        for (int k = 0; k < count; k++)
        {
            int key = firstKey + k;
            ulong bits = all & visible[k];
            if (k >= free)
                bits = _keyMask != null && _keyMask[key] == 0 ? 0 : bits & QueriesInRange(firstQuery, key);
            if (bits == 0)
                continue;
            everything &= bits == all;
            keys[listed] = key;
            visible[listed++] = bits;
        }

        return listed;
    }

    /// <summary>Lists the queries of a tile that see at least one key of the block, in order. Lanes are keys.</summary>
    /// <param name="firstKey">The key in lane 0.</param>
    /// <param name="keys">Lanes in use, 1 to 64.</param>
    /// <param name="firstQuery">The tile's first query.</param>
    /// <param name="count">The tile's queries.</param>
    /// <param name="queries">[count] receives their numbers.</param>
    /// <param name="visible">[count] receives, for each of them, one bit per lane; not written where <paramref name="everything"/>.</param>
    /// <param name="everything">Whether every query listed sees every key.</param>
    /// <returns>How many queries are listed.</returns>
    public int ListQueries(int firstKey, int keys, int firstQuery, int count, int* queries, ulong* visible, out bool everything)
    {
        everything = SeesAll(firstQuery, count, firstKey, keys);
        if (everything)
            return ListAll(firstQuery, count, queries);
        ulong all = AllLanes(keys), free = AllLanes(Math.Clamp(_rules.FreeColumns - firstKey, 0, keys)), mask = all;
        if (_keyMask != null)
            mask = free | Flags(_keyMask + firstKey, free, keys);
        int listed = 0;
        everything = true;
        for (int q = 0; q < count; q++)
        {
            int query = firstQuery + q;
            ulong bits = mask & KeysInRange(firstKey, query);
            if (_mask != null && bits != 0)
                bits &= Flags(_mask + query * _rules.MaskQueryStride + firstKey, free, keys);
            bits |= free;
            if (bits == 0)
                continue;
            everything &= bits == all;
            queries[listed] = query;
            visible[listed++] = bits;
        }

        return listed;
    }

    private static ulong AllLanes(int lanes) => lanes == MaximumLanes ? ulong.MaxValue : (1UL << lanes) - 1;

    private static int ListAll(int first, int count, int* numbers)
    {
        for (int i = 0; i < count; i++)
            numbers[i] = first + i;
        return count;
    }

    // Whether no key of a tile can be invisible to any of these queries.
    private bool SeesAll(int firstQuery, int queries, int firstKey, int keys)
        => firstKey + keys <= _rules.FreeColumns
        || (_keyMask == null && _mask == null
            && (_rules.Causal == 0 || firstKey + keys - 1 <= firstQuery + _rules.CausalOffset)
            && (_rules.Window < 0 || firstQuery + queries - 1 + _alignment - firstKey <= _rules.Window));

    // Causality gives a lowest query and the window a highest.
    private ulong QueriesInRange(int firstQuery, int key) => Between(
        _rules.Causal == 0 ? 0 : key - _rules.CausalOffset - firstQuery,
        _rules.Window < 0 ? MaximumLanes : key - _alignment + _rules.Window - firstQuery);

    // The window gives a lowest key and causality a highest.
    private ulong KeysInRange(int firstKey, int query) => Between(
        _rules.Window < 0 ? 0 : query + _alignment - _rules.Window - firstKey,
        _rules.Causal == 0 ? MaximumLanes : query + _rules.CausalOffset - firstKey);

    private static ulong Between(int lowest, int highest)
    {
        if (lowest >= MaximumLanes || highest < 0)
            return 0;
        ulong bits = lowest <= 0 ? ulong.MaxValue : ulong.MaxValue << lowest;
        return highest >= MaximumLanes - 1 ? bits : bits & ((2UL << highest) - 1);
    }

    // One bit for each of up to 64 bytes that are 0 or 1, the free ones (the lowest) unread.
    private static ulong Flags(byte* flags, ulong free, int count)
    {
        ulong bits = 0;
        int i = System.Numerics.BitOperations.PopCount(free);
        for (; i + 8 <= count; i += 8)
        {
            // The multiplication moves bit 8 j to bit 56 + j, and no two of them meet.
            bits |= ((*(ulong*)(flags + i) * 0x0102040810204080UL) >> 56) << i;
        }

        for (; i < count; i++)
            bits |= (ulong)flags[i] << i;
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
