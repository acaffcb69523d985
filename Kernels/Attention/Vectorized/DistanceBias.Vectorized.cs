namespace GpuTransformer.Kernels;

/// <summary>
/// One head's table of biases by distance, the key's position less the query's, as the tile's array of biases takes it: along a row of a tile the distance
/// changes by one from lane to lane, and from row to row it is shifted by one, so that every row is a piece of the same short window of the table.
/// </summary>
internal readonly unsafe struct DistanceBias
{
    // One less than two tiles' edges is the longest window.
    private const int LongestWindow = AttentionSight.MaximumLanes + FlashScratch.Tile;

    private readonly float* _table; // [span] or null
    private readonly int _origin;
    private readonly int _span;

    public DistanceBias(in AttentionRules rules, float* tables, int head)
    {
        (_origin, _span) = (rules.DistanceOrigin, rules.DistanceSpan);
        _table = tables == null ? null : tables + (long)head * _span;
    }

    /// <summary>Whether there is a table.</summary>
    public bool Exists => _table != null;

    /// <summary>scratch.Bias[key][lane] for queries in lanes, from key <paramref name="free"/> of the tile on.</summary>
    /// <param name="scratch">Where the biases go.</param>
    /// <param name="corner">The distance of the tile's first key from the query in lane 0.</param>
    /// <param name="keys">Keys of the tile.</param>
    /// <param name="free">Its leading keys without bias.</param>
    /// <param name="adds">Whether there are biases already, which these are added to.</param>
    public void PackByQuery(in FlashScratch scratch, int corner, int keys, int free, bool adds)
    {
        Span<float> window = stackalloc float[LongestWindow];
        Fill(window[..(scratch.Lanes + keys - 1)], corner + keys - 1, -1);
        for (int key = free; key < keys; key++)
            Put(window.Slice(keys - 1 - key, scratch.Lanes), new Span<float>(scratch.Bias + key * scratch.Lanes, scratch.Lanes), adds);
    }

    /// <summary>scratch.Bias[query][lane] for keys in lanes; zero in lanes of free keys.</summary>
    /// <param name="scratch">Where the biases go.</param>
    /// <param name="corner">The distance of the key in lane 0 from the tile's first query.</param>
    /// <param name="queries">Queries of the tile.</param>
    /// <param name="free">The leading lanes without bias.</param>
    /// <param name="adds">Whether there are biases already, which these are added to.</param>
    public void PackByKey(in FlashScratch scratch, int corner, int queries, int free, bool adds)
    {
        Span<float> window = stackalloc float[LongestWindow];
        Fill(window[..(scratch.Lanes + queries - 1)], corner - (queries - 1), 1);
        for (int query = 0; query < queries; query++)
        {
            var row = new Span<float>(scratch.Bias + query * scratch.Lanes, scratch.Lanes);
            row[..free].Clear();
            Put(window.Slice(queries - 1 - query, scratch.Lanes)[free..], row[free..], adds);
        }
    }

    // The entries for distances that go up or down from the first by one each.
    private void Fill(Span<float> window, int distance, int step)
    {
        for (int n = 0; n < window.Length; n++, distance += step)
            window[n] = _table[Math.Clamp(distance + _origin, 0, _span - 1)];
    }

    private static void Put(ReadOnlySpan<float> source, Span<float> target, bool adds)
    {
        if (!adds)
        {
            source.CopyTo(target);
            return;
        }

        // −∞ hides a key and finite numbers never do, not even where their sum overflows.
        for (int lane = 0; lane < target.Length; lane++)
        {
            float sum = source[lane] + target[lane];
            bool overflows = sum < AttentionRules.LowestScore && source[lane] >= AttentionRules.LowestScore && target[lane] >= AttentionRules.LowestScore;
            target[lane] = overflows ? AttentionRules.LowestScore : sum;
        }
    }
}
