using ILGPU;
using ILGPU.Algorithms;

namespace GpuTransformer.Kernels;

/// <summary>
/// Softmax cross-entropy of one row per group: with z = x − max, loss = ln Σ e^z − (1 − s) · z_target − s / classes · Σ z, s being the label smoothing. Nothing
/// but differences enters, so that large logits cost no precision. The probabilities are never stored: the row's maximum and ln Σ e^z are enough for the
/// backward kernel. A logit of −∞ has probability zero; as a target its loss is ∞. A row whose target is the ignored one has loss and weight zero, whatever it
/// holds.
/// </summary>
internal struct CrossEntropyPortable<TElement> : IGridKernel
    where TElement : unmanaged, IElement<TElement>
{
    /// <summary>Threads per row.</summary>
    public const int GroupSize = GroupReduce.GroupSize;

    public ArrayView<TElement> Logits;  // [rows, classes]
    public ArrayView<int> Targets;      // [rows, TargetStride]
    public ArrayView<float> Loss;       // [rows]
    public ArrayView<float> Weight;     // [rows], 0 where ignored, else 1
    public ArrayView<float> Normalizer; // [rows, 2]: max, ln Σ e^(x − max)
    public int Classes;
    public int TargetStride; // see RowTargets
    public int Sequence;     // see RowTargets
    public int IgnoreIndex;
    public float Smoothing;

    /// <inheritdoc/>
    public int FirstGroup { get; set; }

    /// <summary>How many groups the launch needs.</summary>
    public readonly long Groups => Loss.Length;

    /// <summary>Grid: one group per row.</summary>
    public static void Kernel(CrossEntropyPortable<TElement> p)
    {
        int row = p.FirstGroup + Grid.IdxX, thread = Group.IdxX;
        long start = (long)row * p.Classes;
        float largest = float.NegativeInfinity;
        for (int c = thread; c < p.Classes; c += GroupSize)
            largest = IntrinsicMath.Max(largest, TElement.ToSingle(p.Logits[start + c]));
        largest = GroupReduce.Max(largest);

        // −∞ − −∞ would be NaN; minus anything finite it is −∞, whose exponential is zero.
        if (largest == float.NegativeInfinity)
            largest = 0f;
        float spread = p.Smoothing / p.Classes, exponentials = 0f, smoothed = 0f;
        for (int c = thread; c < p.Classes; c += GroupSize)
        {
            float z = TElement.ToSingle(p.Logits[start + c]) - largest;
            exponentials += SpecialFunctions.ExpOneAtZero(z);
            smoothed += p.Smoothing > 0f ? spread * z : 0f;
        }

        float logSum = SpecialFunctions.LogZeroAtOne(GroupReduce.Sum(exponentials));
        smoothed = GroupReduce.Sum(smoothed);
        if (thread == 0)
        {
            int target = RowTargets.Read(p.Targets, row, p.TargetStride, p.Sequence, p.IgnoreIndex);
            bool counts = target != p.IgnoreIndex;
            float atTarget = TElement.ToSingle(p.Logits[start + (counts ? target : 0)]) - largest;
            float loss = logSum - (p.Smoothing < 1f ? (1f - p.Smoothing) * atTarget : 0f) - smoothed;
            if (logSum == float.NegativeInfinity)
                loss = float.PositiveInfinity;
            p.Loss[row] = counts ? loss : 0f;
            p.Weight[row] = counts ? 1f : 0f;
            p.Normalizer[2L * row] = largest;
            p.Normalizer[2L * row + 1] = logSum;
        }
    }
}

/// <summary>
/// d loss / d logits = (e^(x − max) / Σ e^(x − max) − (1 − s) · [c = target] − s / classes) · upstream / Σ weight, the last factor read from the device; zero
/// in rows whose target is the ignored one, whatever they hold.
/// </summary>
internal struct CrossEntropyBackwardPortable<TElement> : IGridKernel
    where TElement : unmanaged, IElement<TElement>
{
    /// <summary>Threads per row.</summary>
    public const int GroupSize = GroupReduce.GroupSize;

    public ArrayView<TElement> Logits;         // [rows, classes]
    public ArrayView<int> Targets;             // [rows, TargetStride]
    public ArrayView<float> Normalizer;        // [rows, 2]: max, ln Σ e^(x − max)
    public ArrayView<float> Upstream;          // [1]
    public ArrayView<float> InverseWeight;     // [1]
    public ArrayView<TElement> LogitsGradient; // [rows, classes]
    public int Classes;
    public int TargetStride; // see RowTargets
    public int Sequence;     // see RowTargets
    public int IgnoreIndex;
    public float Smoothing;

    /// <inheritdoc/>
    public int FirstGroup { get; set; }

    /// <summary>How many groups the launch needs.</summary>
    public readonly long Groups => Normalizer.Length / 2;

    /// <summary>Grid: one group per row.</summary>
    public static void Kernel(CrossEntropyBackwardPortable<TElement> p)
    {
        int row = p.FirstGroup + Grid.IdxX, target = RowTargets.Read(p.Targets, row, p.TargetStride, p.Sequence, p.IgnoreIndex);
        long start = (long)row * p.Classes;
        bool counts = target != p.IgnoreIndex;
        float scale = p.Upstream[0] * p.InverseWeight[0], spread = p.Smoothing / p.Classes;
        float largest = p.Normalizer[2L * row], logSum = p.Normalizer[2L * row + 1];
        for (int c = Group.IdxX; c < p.Classes; c += GroupSize)
        {
            // The selection is for a row that is −∞ everywhere: its ln Σ is −∞ too.
            float x = TElement.ToSingle(p.Logits[start + c]), probability = SpecialFunctions.ExpOneAtZero(x - largest - logSum);
            float wanted = spread + (c == target ? 1f - p.Smoothing : 0f);
            float gradient = ((x == float.NegativeInfinity ? 0f : probability) - wanted) * scale;
            p.LogitsGradient[start + c] = TElement.FromSingle(counts ? gradient : 0f);
        }
    }
}
