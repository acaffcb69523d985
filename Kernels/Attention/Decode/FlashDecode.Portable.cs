using ILGPU;
using ILGPU.Algorithms;

namespace GpuTransformer.Kernels;

/// <summary>
/// Attention of few queries to many keys: a group takes one chunk of the keys for one query of one head. Each thread makes the scores of every 64th key, then
/// adds up every 64th column of the values. <see cref="FlashDecodeFoldPortable{TElement}"/> puts the chunks together.
/// </summary>
internal struct FlashDecodePortable<TElement> : IGridKernel
    where TElement : unmanaged, IElement<TElement>
{
    /// <summary>Threads per group, and keys of a tile.</summary>
    public const int GroupSize = GroupReduce.GroupSize;

    // Columns of a thread: heads are at most 256 wide.
    private const int Columns = 4;

    public ArrayView<TElement> Query;
    public ArrayView<TElement> Key;
    public ArrayView<TElement> Value;
    public ArrayView<float> Partial; // [batch, heads, queries, chunks, valueDim]
    public ArrayView<float> Sums;    // [batch, heads, queries, chunks, 2]: largest score, sum of exponentials
    public AttentionArrays Arrays;
    public AttentionShape Shape;
    public AttentionRules Rules;
    public int Chunks;
    public int ChunkKeys;

    /// <inheritdoc/>
    public int FirstGroup { get; set; }

    /// <summary>How many groups the launch needs.</summary>
    public readonly long Groups => (long)Shape.Batch * Shape.Heads * Shape.Queries * Chunks;

    /// <summary>Grid: batch × heads × queries × chunks.</summary>
    public static void Kernel(FlashDecodePortable<TElement> p)
    {
        ArrayView<float> weights = SharedMemory.Allocate<float>(GroupSize);
        int at = p.FirstGroup + Grid.IdxX, thread = Group.IdxX;
        int row = at / p.Chunks, chunk = at - row * p.Chunks, query = row % p.Shape.Queries, head = row / p.Shape.Queries % p.Shape.Heads;
        int batch = row / p.Shape.Queries / p.Shape.Heads, last = XMath.Min(p.Shape.Keys, (chunk + 1) * p.ChunkKeys);
        AttentionRow rules = AttentionRow.Of(p.Arrays, p.Shape, p.Rules, batch, head, query);
        float largest = AttentionRow.Hidden, sum = 0f, first = 0f, second = 0f, third = 0f, fourth = 0f;
        for (int start = chunk * p.ChunkKeys; start < last; start += GroupSize)
        {
            // The same question for the whole group, so that all of it comes to the barriers.
            if ((start < rules.End && start + GroupSize > rules.First) || start < rules.FreeEnd)
            {
                int key = start + thread;
                float score = key < last ? Score(p, rules, batch, head, query, key) : AttentionRow.Hidden;
                float now = XMath.Max(largest, GroupReduce.Max(score));

                // As expressions a NaN stays one.
                float keep = largest <= AttentionRow.Hidden ? 0f : AttentionRow.Weight(largest, now);
                weights[thread] = score <= AttentionRow.Hidden ? 0f : AttentionRow.Weight(score, now);
                Group.Barrier();
                sum = sum * keep + GroupReduce.Sum(weights[thread]);
                int count = XMath.Min(GroupSize, last - start);
                first = Add(p, weights, batch, head, start, count, thread, first * keep);
                second = Add(p, weights, batch, head, start, count, thread + GroupSize, second * keep);
                third = Add(p, weights, batch, head, start, count, thread + 2 * GroupSize, third * keep);
                fourth = Add(p, weights, batch, head, start, count, thread + 3 * GroupSize, fourth * keep);
                largest = now;
                Group.Barrier();
            }
        }

        Store(p, at, thread, first);
        Store(p, at, thread + GroupSize, second);
        Store(p, at, thread + 2 * GroupSize, third);
        Store(p, at, thread + 3 * GroupSize, fourth);
        if (thread == 0)
        {
            p.Sums[(long)at * 2] = largest;
            p.Sums[(long)at * 2 + 1] = sum;
        }
    }

    private static float Score(FlashDecodePortable<TElement> p, AttentionRow row, int batch, int head, int query, int key)
    {
        float score = AttentionRow.Hidden;
        if (AttentionRow.Sees<ArrayAttentionMask, DistanceBiasedScore>(p.Arrays, p.Rules, row, key))
        {
            long q = p.Shape.QueryOffset(batch, head, query), k = p.Shape.KeyOffset(batch, head, key);
            float product = 0f;
            for (int column = 0; column < p.Shape.HeadDim; column++)
                product = Fused.MultiplyAdd(TElement.ToSingle(p.Query[q + column]), TElement.ToSingle(p.Key[k + column]), product);
            score = DistanceBiasedScore.Apply(p.Arrays, p.Rules, row, product * p.Rules.Scale, key);

            // As an expression a NaN stays one.
            score = score < AttentionRules.LowestScore ? AttentionRules.LowestScore : score;
        }

        return score;
    }

    // What is hidden has no weight, and is not read: it may hold anything.
    private static float Add(
        FlashDecodePortable<TElement> p, ArrayView<float> weights, int batch, int head, int start, int count, int column, float sum)
    {
        if (column < p.Shape.ValueDim)
        {
            long value = p.Shape.ValueOffset(batch, head, start) + column;
            for (int key = 0; key < count; key++)
            {
                float weight = weights[key];
                if (!(weight == 0f))
                    sum = Fused.MultiplyAdd(weight, TElement.ToSingle(p.Value[value + key * p.Shape.ValueRowStride]), sum);
            }
        }

        return sum;
    }

    private static void Store(FlashDecodePortable<TElement> p, int at, int column, float sum)
    {
        if (column < p.Shape.ValueDim)
            p.Partial[(long)at * p.Shape.ValueDim + column] = sum;
    }
}
