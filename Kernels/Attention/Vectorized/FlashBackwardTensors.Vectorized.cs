namespace GpuTransformer.Kernels;

/// <summary>What the passes of attention's backward share.</summary>
internal unsafe struct FlashBackwardTensors<TElement>
    where TElement : unmanaged, IElement<TElement>
{
    public TElement* Query;          // by the shape's strides, like all TElement arrays here
    public TElement* Key;
    public TElement* Value;
    public TElement* Output;
    public TElement* OutputGradient; // as the output
    public TElement* QueryGradient;  // as the query
    public TElement* KeyGradient;    // as the key
    public TElement* ValueGradient;  // as the value
    public float* BiasGradient;      // as the bias, or null
    public float* Normalizer;        // [batch, heads, queries, 2] from forward: the largest score, and 1 / Σ exp(score − largest)
    public float* Delta;             // [batch, heads, queries] Σ_d output · outputGradient
    public AttentionPointers Arrays;
    public AttentionShape Shape;
    public AttentionRules Rules;
    public int RowsPerBlock;         // 8, 16, 32 or 64 queries or keys

    /// <summary>Rows along the pass's own axis make this many blocks per head.</summary>
    public readonly int BlocksPerHead(int rows) => (rows + RowsPerBlock - 1) / RowsPerBlock;

    /// <summary>
    /// For a tile of keys against the queries in lanes: probabilities into scratch.Scores and the gradients of the scores into scratch.Gradients.
    /// Unless <paramref name="everything"/> that is listed is seen by every query, scratch.Visible says which key is seen by which.
    /// </summary>
    /// <returns>How many keys of the tile are listed; the others have no gradient here.</returns>
    public readonly int ScoreGradients<TSimd, TVector>(
        in FlashScratch scratch, in AttentionHead rules, int batch, int head, int firstQuery, int queries, int firstKey, int keys, out bool everything)
        where TSimd : struct, ISimd<TVector>
        where TVector : unmanaged
    {
        int count = rules.Sight.ListKeys(firstQuery, queries, firstKey, keys, scratch.Numbers, scratch.Visible, out everything);
        if (count == 0)
            return 0;
        scratch.GatherRows(
            Key + Shape.KeyOffset(batch, head, 0), Shape.KeyRowStride, Value + Shape.ValueOffset(batch, head, 0), Shape.ValueRowStride, 1f, Shape, count);
        LaneProducts<TSimd, TVector>.Dot(scratch.HeadRows, count, scratch.HeadPanel, RowsPerBlock, Shape.HeadDim, scratch.Scores);
        LaneProducts<TSimd, TVector>.Dot(scratch.ValueRows, count, scratch.ValuePanel, RowsPerBlock, Shape.ValueDim, scratch.Gradients);
        if (rules.HasBias)
            rules.PackBiasByQuery(scratch, firstQuery, queries, firstKey, keys);
        if (rules.Slope != 0f)
            rules.PlaceKeys(scratch, count);
        if (!everything || rules.ChangesScores)
            everything = LaneScores<TSimd, TVector>.Adjust(rules, scratch, count, rules.FreeAmong(firstKey, count), firstKey, everything);
        if (Rules.Dropout.Threshold != 0)
        {
            LaneDropout<TSimd, TVector>.DrawByQuery(scratch, count, Rules.Dropout, Shape.RowOffset(batch, head, firstQuery));
            LaneDropout<TSimd, TVector>.Apply(scratch, count, Rules.Dropout, scratch.Gradients);
        }

        LaneGradients<TSimd, TVector>.ByQuery(scratch, count, rules.SoftClamp, everything);
        return count;
    }

    /// <summary>Turns queries and their output gradients into lanes, with their normaliser and delta.</summary>
    public readonly void PackQueries(in FlashScratch scratch, in AttentionHead rules, int batch, int head, int firstQuery, int queries)
    {
        TElement* query = Query + Shape.QueryOffset(batch, head, firstQuery), gradient = OutputGradient + Shape.OutputOffset(batch, head, firstQuery);
        LanePanel.Pack(query, Shape.QueryRowStride, queries, Shape.HeadDim, Rules.Scale, scratch.HeadPanel, RowsPerBlock, scratch.FourRows);
        LanePanel.Pack(gradient, Shape.OutputRowStride, queries, Shape.ValueDim, 1f, scratch.ValuePanel, RowsPerBlock, scratch.FourRows);
        rules.PlaceQueriesInLanes(scratch, firstQuery, queries);
        long offset = Shape.RowOffset(batch, head, firstQuery);
        for (int lane = 0; lane < RowsPerBlock; lane++)
        {
            // Lanes without a query must stay finite: their sums are never read, but slow or noisy numbers help nobody.
            scratch.Maximum[lane] = lane < queries ? Normalizer[2 * (offset + lane)] : float.MaxValue;
            scratch.Reciprocal[lane] = lane < queries ? Normalizer[2 * (offset + lane) + 1] : 0f;
            scratch.Total[lane] = lane < queries ? Delta[offset + lane] : 0f;
        }
    }
}
