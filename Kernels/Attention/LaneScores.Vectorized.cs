using System.Runtime.CompilerServices;

namespace GpuTransformer.Kernels;

/// <summary>What happens to a tile of scores [keys][lanes] between the two matrix products, with one query in each lane.</summary>
internal static unsafe class LaneScores<TSimd, TVector>
    where TSimd : struct, ISimd<TVector>
    where TVector : unmanaged
{
    /// <summary>score = softclamp(score + bias + ALiBi), and −∞ where the query does not see the key. Lanes are queries or keys.</summary>
    /// <param name="head">The head's rules.</param>
    /// <param name="scratch">Scores [count][lanes], changed in place, and all that is added to them.</param>
    /// <param name="count">Rows that are listed.</param>
    /// <param name="free">The first of them that have neither bias nor ALiBi: free keys.</param>
    /// <param name="first">The row that the tile, and so its bias, starts with.</param>
    /// <param name="everything">Whether every lane and row see each other.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Adjust(in AttentionHead head, in FlashScratch scratch, int count, int free, int first, bool everything)
    {
        int lanes = scratch.Lanes;
        float* positions = scratch.LanePositions, slopes = scratch.LaneSlopes;
        bool hasBias = head.HasBias, hasAlibi = head.Slope != 0f, clamps = head.SoftClamp != 0f;
        TVector clamp = TSimd.Create(head.SoftClamp), perClamp = TSimd.Create(1f / head.SoftClamp), invisible = TSimd.Create(float.NegativeInfinity);
        for (int r = 0; r < count; r++)
        {
            float* row = scratch.Scores + r * lanes;
            float* bias = hasBias && r >= free ? scratch.Bias + (scratch.Numbers[r] - first) * lanes : null;
            TVector position = TSimd.Create(hasAlibi ? scratch.RowPositions[r] : 0f);
            ulong visible = everything ? ulong.MaxValue : scratch.Visible[r];
            for (int lane = 0; lane < lanes; lane += TSimd.Width)
            {
                TVector score = TSimd.Load(row + lane);
                if (bias != null)
                    score = TSimd.Add(score, TSimd.Load(bias + lane));
                if (hasAlibi && r >= free)
                    score = TSimd.MultiplyAdd(TSimd.Load(slopes + lane), TSimd.Abs(TSimd.Subtract(position, TSimd.Load(positions + lane))), score);
                if (clamps)
                    score = TSimd.Multiply(clamp, SimdMath<TSimd, TVector>.Tanh(TSimd.Multiply(score, perClamp)));
                if (!everything)
                    score = TSimd.SelectBits((uint)(visible >> lane), score, invisible);
                TSimd.Store(score, row + lane);
            }
        }
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
    /// <remarks>Milakov, Gimelshein, "Online normalizer calculation for softmax", 2018.</remarks>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Softmax(float* scores, int lanes, int count, float* maximum, float* sum, float* factor)
    {
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
