using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace GpuTransformer.Kernels;

/// <summary>
/// Attention of few queries to many keys with SIMD: a block takes one chunk of the keys of one key/value head, reads each of them once for all the queries of
/// all the heads that share it, and leaves for every query what <see cref="FlashDecodeFoldVectorized{TElement}"/> needs to put the chunks together. Sixteen
/// columns of a key are one vector; scores of a tile of keys lie in the worker's own memory.
/// </summary>
internal unsafe struct FlashDecodeVectorized<TElement> : IBlockKernel
    where TElement : unmanaged, IElement<TElement>
{
    /// <summary>Keys whose scores are made before their values are read.</summary>
    public const int TileKeys = 64;

    // Keys whose products with a query are made side by side.
    private const int Together = 4;

    public TElement* Query;
    public TElement* Key;
    public TElement* Value;
    public float* Partial; // [batch, heads, queries, chunks, valueDim rounded up to a vector]
    public float* Sums;    // [batch, heads, queries, chunks, 2]: largest score, sum of exponentials
    public AttentionPointers Arrays;
    public AttentionShape Shape;
    public AttentionRules Rules;
    public int Chunks;
    public int ChunkKeys;

    /// <summary>Columns of a row of <see cref="Partial"/>.</summary>
    public readonly int PartialWidth => PaddedWidth(Shape.ValueDim);

    /// <summary>How many blocks the launch needs.</summary>
    public readonly int Blocks => Shape.Batch * Shape.KeyValueHeads * Chunks;

    /// <summary>A width, rounded up to whole vectors.</summary>
    public static int PaddedWidth(int width) => (width + ElementVector.Width - 1) / ElementVector.Width * ElementVector.Width;

    public readonly void Execute(int block)
    {
        int chunk = block % Chunks, group = block / Chunks % Shape.KeyValueHeads, batch = block / Chunks / Shape.KeyValueHeads;
        int first = chunk * ChunkKeys, end = Math.Min(Shape.Keys, first + ChunkKeys);
        Clear(batch, group, chunk);
        float* scores = stackalloc float[TileKeys + Together];
        for (int start = first; start < end; start += TileKeys)
        {
            int count = Math.Min(TileKeys, end - start);
            for (int head = 0; head < Shape.Heads; head++)
            {
                if (Shape.KeyValueHead(head) != group)
                    continue;
                for (int query = 0; query < Shape.Queries; query++)
                    Add(batch, head, query, chunk, start, count, scores);
            }
        }
    }

    private readonly void Clear(int batch, int group, int chunk)
    {
        for (int head = 0; head < Shape.Heads; head++)
        {
            if (Shape.KeyValueHead(head) != group)
                continue;
            for (int query = 0; query < Shape.Queries; query++)
            {
                long row = Shape.RowOffset(batch, head, query) * Chunks + chunk;
                new Span<float>(Partial + row * PartialWidth, PartialWidth).Clear();
                (Sums[row * 2], Sums[row * 2 + 1]) = (float.NegativeInfinity, 0f);
            }
        }
    }

    // One query and one tile of keys.
    private readonly void Add(int batch, int head, int query, int chunk, int start, int count, float* scores)
    {
        int end = Rules.KeyEnd(Shape, query), firstSeen = Rules.Window < 0 ? 0 : query + Shape.Keys - Shape.Queries - Rules.Window;
        bool seesFree = start < Rules.FreeColumns;
        if (!seesFree && (start >= end || start + count <= firstSeen))
            return;
        Products(Query + Shape.QueryOffset(batch, head, query), Key + Shape.KeyOffset(batch, head, start), count, scores);
        float largest = Score(batch, head, query, start, count, firstSeen, end, scores);
        if (float.IsNegativeInfinity(largest))
            return;
        long row = Shape.RowOffset(batch, head, query) * Chunks + chunk;
        float before = Sums[row * 2], now = largest > before || float.IsNaN(largest) ? largest : before;
        float keep = float.IsNegativeInfinity(before) ? 0f : MathF.Exp(before - now);
        Vector512<float> sum = Vector512<float>.Zero;
        for (int t = 0; t < count; t += ElementVector.Width)
        {
            Vector512<float> weight = SpecialFunctions.Exp(Vector512.Load(scores + t) - Vector512.Create(now));
            weight.Store(scores + t);
            sum += weight;
        }

        (Sums[row * 2], Sums[row * 2 + 1]) = (now, Sums[row * 2 + 1] * keep + Vector512.Sum(sum));
        Values(Value + Shape.ValueOffset(batch, head, start), count, scores, keep, Partial + row * PartialWidth);
    }

    private readonly void Products(TElement* query, TElement* key, int count, float* scores)
    {
        int dim = Shape.HeadDim;
        long stride = Shape.KeyRowStride;
        for (int j = 0; j < count; j += Together)
        {
            TElement* a = key + j * stride, b = key + Math.Min(j + 1, count - 1) * stride;
            TElement* c = key + Math.Min(j + 2, count - 1) * stride, d = key + Math.Min(j + 3, count - 1) * stride;
            Vector512<float> sumA = Vector512<float>.Zero, sumB = sumA, sumC = sumA, sumD = sumA;
            for (int column = 0; column < dim; column += ElementVector.Width)
            {
                int lanes = dim - column;
                Vector512<float> q = ElementVector.Load(query + column, lanes);
                sumA = Vector512.FusedMultiplyAdd(q, ElementVector.Load(a + column, lanes), sumA);
                sumB = Vector512.FusedMultiplyAdd(q, ElementVector.Load(b + column, lanes), sumB);
                sumC = Vector512.FusedMultiplyAdd(q, ElementVector.Load(c + column, lanes), sumC);
                sumD = Vector512.FusedMultiplyAdd(q, ElementVector.Load(d + column, lanes), sumD);
            }

            scores[j] = Vector512.Sum(sumA);
            scores[j + 1] = Vector512.Sum(sumB);
            scores[j + 2] = Vector512.Sum(sumC);
            scores[j + 3] = Vector512.Sum(sumD);
        }
    }

    // From products to scores, −∞ where a key is hidden; returns the largest.
    private readonly float Score(int batch, int head, int query, int start, int count, int firstSeen, int end, float* scores)
    {
        Vector512<float> lane = Vector512.Create(0f, 1f, 2f, 3f, 4f, 5f, 6f, 7f, 8f, 9f, 10f, 11f, 12f, 13f, 14f, 15f);
        Vector512<float> hidden = Vector512.Create(float.NegativeInfinity), largest = hidden, free = Vector512.Create((float)Rules.FreeColumns);
        float slope = Arrays.Slopes == null ? 0f : Arrays.Slopes[head], position = query + Shape.Keys - Shape.Queries;
        for (int t = 0; t < count; t += ElementVector.Width)
        {
            Vector512<float> key = lane + Vector512.Create((float)(start + t)), score = Vector512.Load(scores + t) * Rules.Scale;
            Vector512<float> isFree = Vector512.LessThan(key, free);
            if (slope != 0f)
                score -= Vector512.AndNot(Vector512.Abs(key - Vector512.Create(position)) * slope, isFree);
            if (Arrays.Bias != null || Arrays.Distances != null)
                score += Biases(batch, head, query, start + t, Math.Min(ElementVector.Width, count - t));
            score = SoftClamp.ApplyIfSet(score, Rules.SoftClamp);
            score = Vector512.Max(score, Vector512.Create(AttentionRules.LowestScore));
            Vector512<float> isSeen = isFree | (Vector512.LessThan(key, Vector512.Create((float)end)) & Vector512.GreaterThanOrEqual(
                key, Vector512.Create((float)firstSeen)));
            isSeen &= Vector512.LessThan(key, Vector512.Create((float)(start + count)));
            score = Vector512.ConditionalSelect(isSeen, score, hidden);
            score.Store(scores + t);
            if (Arrays.KeyMask != null || Arrays.Mask != null || Arrays.Bias != null || Arrays.Distances != null)
                score = Hide(batch, head, query, start + t, Math.Min(ElementVector.Width, count - t), scores + t);
            largest = Vector512.Max(largest, score);
        }

        float most = largest[0];
        for (int i = 1; i < ElementVector.Width; i++)
            most = MathF.Max(most, largest[i]);
        return most;
    }

    // The biases of sixteen keys, written out, by distance or both; those that are free have none.
    private readonly Vector512<float> Biases(int batch, int head, int query, int firstKey, int count)
    {
        float* biases = stackalloc float[ElementVector.Width];
        Vector512<float>.Zero.Store(biases);
        for (int i = 0; i < count; i++)
        {
            if (firstKey + i >= Rules.FreeColumns)
                biases[i] = Bias(batch, head, query, firstKey + i);
        }

        return Vector512.Load(biases);
    }

    private readonly float Bias(int batch, int head, int query, int key)
    {
        float bias = 0f;
        if (Arrays.Bias != null)
        {
            long row = batch * Rules.BiasBatchStride + head * Rules.BiasHeadStride + query * Rules.BiasQueryStride;
            bias = Arrays.Bias[row + key - Rules.FreeColumns];
        }

        if (Arrays.Distances != null)
            bias += Arrays.Distances[(long)head * Rules.DistanceSpan + Rules.DistanceEntry(key - (query + Shape.Keys - Shape.Queries))];
        return bias;
    }

    private readonly Vector512<float> Hide(int batch, int head, int query, int start, int count, float* scores)
    {
        long maskRow = batch * Rules.MaskBatchStride + head * Rules.MaskHeadStride + query * Rules.MaskQueryStride;
        long biasRow = batch * Rules.BiasBatchStride + head * Rules.BiasHeadStride + query * Rules.BiasQueryStride;
        for (int i = 0; i < count; i++)
        {
            int column = start + i - Rules.FreeColumns;
            if (column < 0)
                continue;
            bool isHidden = (Arrays.KeyMask != null && Arrays.KeyMask[(long)batch * (Shape.Keys - Rules.FreeColumns) + column] == 0)
                || (Arrays.Mask != null && Arrays.Mask[maskRow + column] == 0)
                || (Arrays.Bias != null && Arrays.Bias[biasRow + column] < AttentionRules.LowestScore)
                || (Arrays.Distances != null && Arrays.Distances[
                    (long)head * Rules.DistanceSpan + Rules.DistanceEntry(start + i - (query + Shape.Keys - Shape.Queries))] < AttentionRules.LowestScore);
            if (isHidden)
                scores[i] = float.NegativeInfinity;
        }

        return Vector512.Load(scores);
    }

    // What is hidden has no weight, and is not read: it may hold anything.
    private readonly void Values(TElement* value, int count, float* weights, float keep, float* partial)
    {
        const int Block = 4 * ElementVector.Width;
        int dim = Shape.ValueDim;
        long stride = Shape.ValueRowStride;
        for (int column = 0; column < dim; column += Block)
        {
            if (dim - column >= Block)
                FourVectors(value + column, count, stride, weights, keep, partial + column);
            else
            {
                for (int c = column; c < dim; c += ElementVector.Width)
                    OneVector(value + c, dim - c, count, stride, weights, keep, partial + c);
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void FourVectors(TElement* value, int count, long stride, float* weights, float keep, float* partial)
    {
        const int Width = ElementVector.Width;
        Vector512<float> a = Vector512.Load(partial) * keep, b = Vector512.Load(partial + Width) * keep;
        Vector512<float> c = Vector512.Load(partial + 2 * Width) * keep, d = Vector512.Load(partial + 3 * Width) * keep;
        for (int j = 0; j < count; j++, value += stride)
        {
            if (weights[j] == 0f)
                continue;
            Vector512<float> weight = Vector512.Create(weights[j]);
            a = Vector512.FusedMultiplyAdd(weight, ElementVector.Load(value), a);
            b = Vector512.FusedMultiplyAdd(weight, ElementVector.Load(value + Width), b);
            c = Vector512.FusedMultiplyAdd(weight, ElementVector.Load(value + 2 * Width), c);
            d = Vector512.FusedMultiplyAdd(weight, ElementVector.Load(value + 3 * Width), d);
        }

        a.Store(partial);
        b.Store(partial + Width);
        c.Store(partial + 2 * Width);
        d.Store(partial + 3 * Width);
    }

    private static void OneVector(TElement* value, int lanes, int count, long stride, float* weights, float keep, float* partial)
    {
        Vector512<float> sum = Vector512.Load(partial) * keep;
        for (int j = 0; j < count; j++, value += stride)
        {
            if (weights[j] != 0f)
                sum = Vector512.FusedMultiplyAdd(Vector512.Create(weights[j]), ElementVector.Load(value, lanes), sum);
        }

        sum.Store(partial);
    }
}
