using System.Runtime.CompilerServices;

namespace GpuTransformer.Kernels;

/// <summary>What happens to a tile of scores [keys][lanes] between the two matrix products, with one query in each lane.</summary>
internal static unsafe class LaneScores<TSimd, TVector>
    where TSimd : struct, ISimd<TVector>
    where TVector : unmanaged
{
    /// <summary>
    /// score = softclamp(score + bias + ALiBi), at least <see cref="AttentionRules.LowestScore"/>, and −∞ where the query does not see the key, a bias of −∞
    /// included. Lanes are queries or keys.
    /// </summary>
    /// <param name="head">The head's rules.</param>
    /// <param name="scratch">Scores [count][lanes], changed in place, and all that is added to them.</param>
    /// <param name="count">Rows that are listed.</param>
    /// <param name="free">The first of them that have neither bias nor ALiBi: free keys.</param>
    /// <param name="first">The row that the tile, and so its bias, starts with.</param>
    /// <param name="everything">Whether every lane and row see each other, the bias aside.</param>
    /// <returns>Whether they do with the bias; where not, scratch.Visible says which do.</returns>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static bool Adjust(in AttentionHead head, in FlashScratch scratch, int count, int free, int first, bool everything)
    {
        int lanes = scratch.Lanes;
        float* positions = scratch.LanePositions, slopes = scratch.LaneSlopes;
        bool hasBias = head.HasBias, hasAlibi = head.Slope != 0f, clamps = head.SoftClamp != 0f;
        TVector clamp = TSimd.Create(head.SoftClamp), perClamp = TSimd.Create(1f / head.SoftClamp), invisible = TSimd.Create(float.NegativeInfinity);
        TVector lowest = TSimd.Create(AttentionRules.LowestScore);
        if (everything)
            new Span<ulong>(scratch.Visible, count).Fill(ulong.MaxValue);
        for (int r = 0; r < count; r++)
        {
            float* row = scratch.Scores + r * lanes;
            float* bias = hasBias && r >= free ? scratch.Bias + (scratch.Numbers[r] - first) * lanes : null;
            TVector position = TSimd.Create(hasAlibi ? scratch.RowPositions[r] : 0f);
            ulong visible = scratch.Visible[r];
            for (int lane = 0; lane < lanes; lane += TSimd.Width)
            {
                TVector score = TSimd.Load(row + lane);
                if (bias != null)
                {
                    TVector added = TSimd.Load(bias + lane);
                    visible &= ~((ulong)TSimd.LessBits(added, lowest) << lane);
                    score = TSimd.Add(score, added);
                }

                if (hasAlibi && r >= free)
                    score = TSimd.MultiplyAdd(TSimd.Load(slopes + lane), TSimd.Abs(TSimd.Subtract(position, TSimd.Load(positions + lane))), score);
                if (clamps)
                    score = TSimd.Multiply(clamp, SimdMath<TSimd, TVector>.Tanh(TSimd.Multiply(score, perClamp)));
                score = TSimd.Max(lowest, score);
                if (visible != ulong.MaxValue)
                    score = TSimd.SelectBits((uint)(visible >> lane), score, invisible);
                TSimd.Store(score, row + lane);
            }

            everything &= visible == ulong.MaxValue;
            scratch.Visible[r] = visible;
        }

        return everything;
    }

    /// <summary>
    /// One step of the online softmax: scores become exp(score − maximum), and what was summed before under a smaller maximum is to be multiplied by
    /// <paramref name="factor"/>.
    /// </summary>
    /// <param name="scores">[count][lanes], changed in place</param>
    /// <param name="lanes">Queries of the block, rounded up.</param>
    /// <param name="count">Keys.</param>
    /// <param name="maximum">[lanes] the largest score so far; updated</param>
    /// <param name="sum">[lanes] the sum of exponentials so far; updated</param>
    /// <param name="factor">[lanes] written</param>
    /// <param name="mayOverflow">Whether −∞ among the scores is a product that overflowed, and no hidden key: <see cref="Adjust"/> has not seen them.</param>
    /// <remarks>Milakov, Gimelshein, "Online normalizer calculation for softmax", 2018.</remarks>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Softmax(float* scores, int lanes, int count, float* maximum, float* sum, float* factor, bool mayOverflow)
    {
        TVector lowest = TSimd.Create(AttentionRules.LowestScore);
        for (int lane = 0; lane < lanes; lane += TSimd.Width)
        {
            float* column = scores + lane;
            TVector before = TSimd.Load(maximum + lane), even = before, odd = before;
            int k = 0;
            for (; k + 2 <= count; k += 2)
            {
                even = TSimd.Max(TSimd.Load(column + k * lanes), even);
                odd = TSimd.Max(TSimd.Load(column + (k + 1) * lanes), odd);
            }

            if (k < count)
                even = TSimd.Max(TSimd.Load(column + k * lanes), even);
            TVector largest = TSimd.Max(even, odd);
            if (mayOverflow && TSimd.LessBits(largest, TSimd.Create(0.99f * AttentionRules.LowestScore)) != 0)
            {
                for (k = 0; k < count; k++)
                    TSimd.Store(TSimd.Max(lowest, TSimd.Load(column + k * lanes)), column + k * lanes);
            }

            TVector correction = SimdMath<TSimd, TVector>.Exp(TSimd.Subtract(before, largest));
            TVector total = TSimd.Multiply(TSimd.Load(sum + lane), correction);
            for (k = 0; k < count; k++)
            {
                TVector probability = SimdMath<TSimd, TVector>.Exp(TSimd.Subtract(TSimd.Load(column + k * lanes), largest));
                TSimd.Store(probability, column + k * lanes);
                total = TSimd.Add(total, probability);
            }

            TSimd.Store(largest, maximum + lane);
            TSimd.Store(total, sum + lane);
            TSimd.Store(correction, factor + lane);
        }
    }

    /// <summary>sums[c][lane] /= sum[lane], or zero where nothing was summed.</summary>
    /// <param name="sums">[width][lanes], changed in place</param>
    /// <param name="width">Elements of a value.</param>
    /// <param name="lanes">Queries of the block, rounded up.</param>
    /// <param name="sum">[lanes]</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Normalise(float* sums, int width, int lanes, float* sum)
    {
        for (int lane = 0; lane < lanes; lane += TSimd.Width)
        {
            TVector total = TSimd.Load(sum + lane);

            // The largest score alone adds one; a NaN stays one.
            TVector reciprocal = TSimd.SelectLess(total, TSimd.Create(0.5f), default, TSimd.Divide(TSimd.Create(1f), total));
            for (int c = 0; c < width; c++)
                TSimd.Store(TSimd.Multiply(TSimd.Load(sums + c * lanes + lane), reciprocal), sums + c * lanes + lane);
        }
    }
}
