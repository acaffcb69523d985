using ILGPU;

namespace GpuTransformer.Kernels;

/// <summary>C = act(op(A) op(B) + bias), zero where the row is masked, plus the residual: one output element per thread.</summary>
internal struct MatrixMultiplyPortable<TElement>
    where TElement : unmanaged, IElement<TElement>
{
    public const int GroupSize = 64;

    public ArrayView<TElement> Left;     // [m, k], or [k, m] transposed
    public ArrayView<TElement> Right;    // [k, n], or [n, k] transposed
    public ArrayView<TElement> Output;   // [m, n]
    public ArrayView<TElement> Bias;     // [n] or empty
    public ArrayView<TElement> Residual; // [m, n] or empty; may be the output itself
    public ArrayView<byte> RowMask;      // [m] or empty
    public int M;
    public int N;
    public int K;
    public int LeftRowStride;
    public int LeftColumnStride;
    public int RightRowStride;
    public int RightColumnStride;
    public int Activation;

    public static void Kernel(MatrixMultiplyPortable<TElement> p)
    {
        long index = (long)Grid.IdxX * GroupSize + Group.IdxX;
        if (index < (long)p.M * p.N)
        {
            long row = index / p.N, column = index % p.N;
            float sum = 0f;
            for (int k = 0; k < p.K; k++)
                sum += TElement.ToSingle(p.Left[row * p.LeftRowStride + (long)k * p.LeftColumnStride]) * TElement.ToSingle(p.Right[(long)k * p.RightRowStride + column * p.RightColumnStride]);
            if (p.Bias.Length > 0)
                sum += TElement.ToSingle(p.Bias[column]);
            sum = ActivationCode.Apply(p.Activation, sum);
            if (p.RowMask.Length > 0 && p.RowMask[row] == 0)
                sum = 0f;
            if (p.Residual.Length > 0)
                sum += TElement.ToSingle(p.Residual[index]);
            p.Output[index] = TElement.FromSingle(sum);
        }
    }
}
