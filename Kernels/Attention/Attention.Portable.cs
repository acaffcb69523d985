using ILGPU;
using ILGPU.Algorithms;

namespace GpuTransformer.Kernels;

/// <summary>Attention, one group per query of a head: every thread takes some keys, then some columns of the output.</summary>
internal struct AttentionPortable<TElement>
    where TElement : unmanaged, IElement<TElement>
{
    /// <summary>Threads per query.</summary>
    public const int GroupSize = GroupReduce.GroupSize;

    public ArrayView<TElement> Query;
    public ArrayView<TElement> Key;
    public ArrayView<TElement> Value;
    public ArrayView<TElement> Output;
    public ArrayView<float> LogSumExp; // [batch, heads, queries] or empty
    public AttentionArrays Arrays;
    public AttentionShape Shape;
    public AttentionRules Rules;

    public static void Kernel(AttentionPortable<TElement> p)
    {
        int thread = Group.IdxX, i = Grid.IdxX, h = Grid.IdxY, b = Grid.IdxZ;
        float largest = float.MinValue;
        for (int j = thread; j < p.Shape.Keys; j += GroupSize)
        {
            float s = Score(ref p, b, h, i, j);
            if (IsVisible(ref p, b, h, i, j))
                largest = IntrinsicMath.Max(largest, s);
        }

        largest = GroupReduce.Max(largest);
        float sum = 0f;
        for (int j = thread; j < p.Shape.Keys; j += GroupSize)
        {
            float e = XMath.Exp(Score(ref p, b, h, i, j) - largest);
            sum += IsVisible(ref p, b, h, i, j) ? e : 0f;
        }

        sum = GroupReduce.Sum(sum);
        float inverse = sum > 0f ? 1f / sum : 0f;
        for (int c = thread; c < p.Shape.ValueDim; c += GroupSize)
        {
            float total = 0f;
            for (int j = 0; j < p.Shape.Keys; j++)
            {
                float e = XMath.Exp(Score(ref p, b, h, i, j) - largest);
                total += IsVisible(ref p, b, h, i, j) ? e * TElement.ToSingle(p.Value[p.Shape.ValueOffset(b, h, j) + c]) : 0f;
            }

            p.Output[p.Shape.OutputOffset(b, h, i) + c] = TElement.FromSingle(total * inverse);
        }

        if (thread == 0 && p.LogSumExp.Length > 0)
            p.LogSumExp[p.Shape.LogSumExpOffset(b, h, i)] = sum > 0f ? largest + XMath.Log(sum) : AttentionRules.DeadLogSumExp;
    }

    private static float Score(ref AttentionPortable<TElement> p, int b, int h, int i, int j)
    {
        long q = p.Shape.QueryOffset(b, h, i), k = p.Shape.KeyOffset(b, h, j);
        float score = 0f;
        for (int c = 0; c < p.Shape.HeadDim; c++)
            score += TElement.ToSingle(p.Query[q + c]) * TElement.ToSingle(p.Key[k + c]);
        score *= p.Rules.Scale;
        if (j >= p.Rules.FreeColumns)
        {
            int column = j - p.Rules.FreeColumns;
            if (p.Arrays.Bias.Length > 0)
                score += p.Arrays.Bias[b * p.Rules.BiasBatchStride + h * p.Rules.BiasHeadStride + i * p.Rules.BiasQueryStride + column];
            if (p.Arrays.Slopes.Length > 0)
            {
                long positions = b * p.Rules.PositionBatchStride + h * p.Rules.PositionHeadStride;
                float distance = p.Arrays.Positions.Length > 0
                    ? -XMath.Abs(p.Arrays.Positions[positions + column] - p.Arrays.Positions[positions + i])
                    : AttentionRules.AlibiDistance(p.Shape, i, j);
                score += p.Arrays.Slopes[h] * distance;
            }
        }

        return p.Rules.SoftClamp > 0f ? p.Rules.SoftClamp * XMath.Tanh(score / p.Rules.SoftClamp) : score;
    }

    private static bool IsVisible(ref AttentionPortable<TElement> p, int b, int h, int i, int j)
    {
        bool visible = p.Rules.IsInRange(p.Shape, i, j);
        if (j >= p.Rules.FreeColumns)
        {
            int column = j - p.Rules.FreeColumns;
            if (p.Arrays.KeyMask.Length > 0)
                visible &= p.Arrays.KeyMask[(long)b * (p.Shape.Keys - p.Rules.FreeColumns) + column] != 0;
            if (p.Arrays.Mask.Length > 0)
                visible &= p.Arrays.Mask[b * p.Rules.MaskBatchStride + h * p.Rules.MaskHeadStride + i * p.Rules.MaskQueryStride + column] != 0;
        }

        return visible;
    }
}
