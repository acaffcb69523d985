using System.Runtime.Intrinsics;

namespace GpuTransformer.Kernels;

/// <summary>Softmax cross-entropy with SIMD, some rows per block: loss = logSumExp − (1 − s) · x_target − s / classes · Σ x.</summary>
internal unsafe struct CrossEntropyVectorized<TElement> : IBlockKernel
    where TElement : unmanaged, IElement<TElement>
{
    public TElement* Logits; // [rows, classes]
    public int* Targets;     // [rows]
    public float* Loss;      // [rows]
    public float* Weight;    // [rows]
    public float* LogSumExp; // [rows]
    public int Rows;
    public int Classes;
    public int RowsPerBlock;
    public int IgnoreIndex;
    public float Smoothing;

    public readonly void Execute(int block)
    {
        int end = Math.Min(Rows, (block + 1) * RowsPerBlock);
        for (int row = block * RowsPerBlock; row < end; row++)
            Row(row, Logits + (long)row * Classes);
    }

    private readonly void Row(int row, TElement* logits)
    {
        Vector512<float> largest = Vector512.Create(float.NegativeInfinity), sums = default, exponentials = default;
        for (int c = 0; c < Classes; c += ElementVector.Width)
        {
            largest = Vector512.Max(largest, ElementVector.Load(logits + c, Classes - c, float.NegativeInfinity));
            sums += ElementVector.Load(logits + c, Classes - c);
        }

        float maximum = float.NegativeInfinity;
        for (int lane = 0; lane < ElementVector.Width; lane++)
            maximum = Math.Max(maximum, largest[lane]);
        for (int c = 0; c < Classes; c += ElementVector.Width)
            exponentials += SpecialFunctions.Exp(ElementVector.Load(logits + c, Classes - c, float.NegativeInfinity) - Vector512.Create(maximum));

        float logSumExp = maximum + MathF.Log(Vector512.Sum(exponentials));
        bool counts = Targets[row] != IgnoreIndex;
        float atTarget = counts ? TElement.ToSingle(logits[Targets[row]]) : 0f;
        Loss[row] = counts ? logSumExp - (1f - Smoothing) * atTarget - Smoothing / Classes * Vector512.Sum(sums) : 0f;
        Weight[row] = counts ? 1f : 0f;
        LogSumExp[row] = logSumExp;
    }
}

/// <summary>d loss / d logits = (exp(x − logSumExp) − (1 − s) · [c = target] − s / classes) · weight · upstream / Σ weight, with SIMD.</summary>
internal unsafe struct CrossEntropyBackwardVectorized<TElement> : IBlockKernel
    where TElement : unmanaged, IElement<TElement>
{
    public TElement* Logits;         // [rows, classes]
    public int* Targets;             // [rows]
    public float* LogSumExp;         // [rows]
    public float* Upstream;          // [1]
    public float* InverseWeight;     // [1]
    public TElement* LogitsGradient; // [rows, classes]
    public int Rows;
    public int Classes;
    public int RowsPerBlock;
    public int IgnoreIndex;
    public float Smoothing;

    public readonly void Execute(int block)
    {
        int end = Math.Min(Rows, (block + 1) * RowsPerBlock);
        for (int row = block * RowsPerBlock; row < end; row++)
        {
            TElement* logits = Logits + (long)row * Classes, gradient = LogitsGradient + (long)row * Classes;
            int target = Targets[row];
            float scale = target == IgnoreIndex ? 0f : *Upstream * *InverseWeight;
            Vector512<float> logSumExp = Vector512.Create(LogSumExp[row]), spread = Vector512.Create(Smoothing / Classes);
            for (int c = 0; c < Classes; c += ElementVector.Width)
            {
                Vector512<float> probability = SpecialFunctions.Exp(ElementVector.Load(logits + c, Classes - c) - logSumExp);
                ElementVector.Store((probability - spread) * scale, gradient + c, Classes - c);
            }

            if (target != IgnoreIndex)
            {
                float probability = MathF.Exp(TElement.ToSingle(logits[target]) - LogSumExp[row]);
                gradient[target] = TElement.FromSingle((probability - Smoothing / Classes - (1f - Smoothing)) * scale);
            }
        }
    }
}
