using ILGPU;
using ILGPU.Algorithms;

namespace GpuTransformer.Kernels;

/// <summary>
/// Softmax cross-entropy of one row per group: loss = logSumExp − (1 − s) · x_target − s / classes · Σ x, s being the label smoothing. The probabilities are never stored:
/// the row's log-sum-exp is enough for the backward kernel. A row whose target is the ignored one has loss and weight zero.
/// </summary>
internal struct CrossEntropyPortable<TElement>
    where TElement : unmanaged, IElement<TElement>
{
    /// <summary>Threads per row.</summary>
    public const int GroupSize = GroupReduce.GroupSize;

    public ArrayView<TElement> Logits;  // [rows, classes]
    public ArrayView<int> Targets;      // [rows]
    public ArrayView<float> Loss;       // [rows]
    public ArrayView<float> Weight;     // [rows], 0 where ignored, else 1
    public ArrayView<float> LogSumExp;  // [rows]
    public int Classes;
    public int IgnoreIndex;
    public float Smoothing;

    /// <summary>Grid: one group per row.</summary>
    public static void Kernel(CrossEntropyPortable<TElement> p)
    {
        int row = Grid.IdxX, thread = Group.IdxX;
        long start = (long)row * p.Classes;
        float largest = float.NegativeInfinity, sum = 0f;
        for (int c = thread; c < p.Classes; c += GroupSize)
        {
            float x = TElement.ToSingle(p.Logits[start + c]);
            largest = IntrinsicMath.Max(largest, x);
            sum += x;
        }

        largest = GroupReduce.Max(largest);
        sum = GroupReduce.Sum(sum);
        float exponentials = 0f;
        for (int c = thread; c < p.Classes; c += GroupSize)
            exponentials += SpecialFunctions.Exp(TElement.ToSingle(p.Logits[start + c]) - largest);
        float logSumExp = largest + XMath.Log(GroupReduce.Sum(exponentials));
        if (thread == 0)
        {
            int target = p.Targets[row];
            bool counts = target != p.IgnoreIndex;
            float atTarget = TElement.ToSingle(p.Logits[start + (counts ? target : 0)]);
            float loss = logSumExp - (1f - p.Smoothing) * atTarget - p.Smoothing / p.Classes * sum;
            p.Loss[row] = counts ? loss : 0f;
            p.Weight[row] = counts ? 1f : 0f;
            p.LogSumExp[row] = logSumExp;
        }
    }
}

/// <summary>
/// d loss / d logits = (exp(x − logSumExp) − (1 − s) · [c = target] − s / classes) · weight · upstream / Σ weight, the last factor read from the device.
/// </summary>
internal struct CrossEntropyBackwardPortable<TElement>
    where TElement : unmanaged, IElement<TElement>
{
    /// <summary>Threads per row.</summary>
    public const int GroupSize = GroupReduce.GroupSize;

    public ArrayView<TElement> Logits;         // [rows, classes]
    public ArrayView<int> Targets;             // [rows]
    public ArrayView<float> LogSumExp;         // [rows]
    public ArrayView<float> Upstream;          // [1]
    public ArrayView<float> InverseWeight;     // [1]
    public ArrayView<TElement> LogitsGradient; // [rows, classes]
    public int Classes;
    public int IgnoreIndex;
    public float Smoothing;

    /// <summary>Grid: one group per row.</summary>
    public static void Kernel(CrossEntropyBackwardPortable<TElement> p)
    {
        int row = Grid.IdxX, target = p.Targets[row];
        long start = (long)row * p.Classes;
        float scale = target == p.IgnoreIndex ? 0f : p.Upstream[0] * p.InverseWeight[0];
        float logSumExp = p.LogSumExp[row], spread = p.Smoothing / p.Classes;
        for (int c = Group.IdxX; c < p.Classes; c += GroupSize)
        {
            float probability = SpecialFunctions.Exp(TElement.ToSingle(p.Logits[start + c]) - logSumExp);
            float wanted = spread + (c == target ? 1f - p.Smoothing : 0f);
            p.LogitsGradient[start + c] = TElement.FromSingle((probability - wanted) * scale);
        }
    }
}
