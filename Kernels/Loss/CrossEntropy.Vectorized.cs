using System.Runtime.Intrinsics;

namespace GpuTransformer.Kernels;

/// <summary>Softmax cross-entropy with SIMD, some rows per block; see <see cref="CrossEntropyPortable{TElement}"/>.</summary>
internal unsafe struct CrossEntropyVectorized<TElement> : IBlockKernel
    where TElement : unmanaged, IElement<TElement>
{
    public TElement* Logits; // [rows, classes]
    public int* Targets;     // [rows, TargetStride]
    public float* Loss;      // [rows]
    public float* Weight;    // [rows]
    public float* Normalizer; // [rows, 2]: max, ln Σ e^(x − max)
    public int Rows;
    public int Classes;
    public int RowsPerBlock;
    public int TargetStride; // see RowTargets
    public int Sequence;     // see RowTargets
    public int IgnoreIndex;
    public float Smoothing;

    /// <summary>How many blocks the launch needs.</summary>
    public readonly int Blocks => (Rows + RowsPerBlock - 1) / RowsPerBlock;

    public readonly void Execute(int block)
    {
        int end = Math.Min(Rows, (block + 1) * RowsPerBlock);
        for (int row = block * RowsPerBlock; row < end; row++)
            Row(row, Logits + (long)row * Classes);
    }

    private readonly void Row(int row, TElement* logits)
    {
        Vector512<float> maxima = Vector512.Create(float.NegativeInfinity), exponentials = default, smoothed = default;
        for (int c = 0; c < Classes; c += ElementVector.Width)
            maxima = Vector512.Max(maxima, ElementVector.Load(logits + c, Classes - c, float.NegativeInfinity));

        float largest = float.NegativeInfinity, spread = Smoothing / Classes;
        for (int lane = 0; lane < ElementVector.Width; lane++)
            largest = Math.Max(largest, maxima[lane]);

        // −∞ − −∞ would be NaN; minus anything finite it is −∞, whose exponential is zero.
        if (float.IsNegativeInfinity(largest))
            largest = 0f;
        for (int c = 0; c < Classes; c += ElementVector.Width)
        {
            exponentials += SpecialFunctions.Exp(ElementVector.Load(logits + c, Classes - c, float.NegativeInfinity) - Vector512.Create(largest));
            if (Smoothing > 0f)
                smoothed += Vector512.Create(spread) * (ElementVector.Load(logits + c, Classes - c, largest) - Vector512.Create(largest));
        }

        float logSum = MathF.Log(Vector512.Sum(exponentials));
        int target = RowTargets.Read(Targets, row, TargetStride, Sequence, IgnoreIndex);
        bool counts = target != IgnoreIndex;
        Loss[row] = counts ? RowLoss(TElement.ToSingle(logits[target]) - largest, logSum, Vector512.Sum(smoothed)) : 0f;
        Weight[row] = counts ? 1f : 0f;
        Normalizer[2L * row] = largest;
        Normalizer[2L * row + 1] = logSum;
    }

    private readonly float RowLoss(float atTarget, float logSum, float smoothed)
        => float.IsNegativeInfinity(logSum) ? float.PositiveInfinity : logSum - (Smoothing < 1f ? (1f - Smoothing) * atTarget : 0f) - smoothed;
}

/// <summary>The gradient of the cross-entropy with SIMD, some rows per block; see <see cref="CrossEntropyBackwardPortable{TElement}"/>.</summary>
internal unsafe struct CrossEntropyBackwardVectorized<TElement> : IBlockKernel
    where TElement : unmanaged, IElement<TElement>
{
    public TElement* Logits;         // [rows, classes]
    public int* Targets;             // [rows, TargetStride]
    public float* Normalizer;        // [rows, 2]: max, ln Σ e^(x − max)
    public float* Upstream;          // [1]
    public float* InverseWeight;     // [1]
    public TElement* LogitsGradient; // [rows, classes]
    public int Rows;
    public int Classes;
    public int RowsPerBlock;
    public int TargetStride; // see RowTargets
    public int Sequence;     // see RowTargets
    public int IgnoreIndex;
    public float Smoothing;

    /// <summary>How many blocks the launch needs.</summary>
    public readonly int Blocks => (Rows + RowsPerBlock - 1) / RowsPerBlock;

    public readonly void Execute(int block)
    {
        int end = Math.Min(Rows, (block + 1) * RowsPerBlock);
        for (int row = block * RowsPerBlock; row < end; row++)
        {
            TElement* logits = Logits + (long)row * Classes, gradient = LogitsGradient + (long)row * Classes;
            int target = RowTargets.Read(Targets, row, TargetStride, Sequence, IgnoreIndex);
            if (target == IgnoreIndex)
                new Span<TElement>(gradient, Classes).Clear();
            else
                Row(logits, gradient, target, Normalizer[2L * row], Normalizer[2L * row + 1]);
        }
    }

    private readonly void Row(TElement* logits, TElement* gradient, int target, float largest, float logSum)
    {
        float scale = *Upstream * *InverseWeight;
        Vector512<float> spread = Vector512.Create(Smoothing / Classes);
        for (int c = 0; c < Classes; c += ElementVector.Width)
            ElementVector.Store((Probability(ElementVector.Load(logits + c, Classes - c), largest, logSum) - spread) * scale, gradient + c, Classes - c);
        float atTarget = Probability(Vector512.Create(TElement.ToSingle(logits[target])), largest, logSum)[0];
        gradient[target] = TElement.FromSingle((atTarget - Smoothing / Classes - (1f - Smoothing)) * scale);
    }

    // The selection is for a row that is −∞ everywhere: its ln Σ is −∞ too.
    private static Vector512<float> Probability(Vector512<float> x, float largest, float logSum)
        => Vector512.AndNot(
            SpecialFunctions.Exp(x - Vector512.Create(largest) - Vector512.Create(logSum)), Vector512.Equals(x, Vector512.Create(float.NegativeInfinity)));
}
