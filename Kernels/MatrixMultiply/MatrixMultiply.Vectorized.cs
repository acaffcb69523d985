using System.Runtime.Intrinsics;

namespace GpuTransformer.Kernels;

/// <summary>C = act(op(A) op(B) + bias), zero where the row is masked, plus the residual: one row of the output per block.</summary>
internal unsafe struct MatrixMultiplyVectorized<TElement> : IBlockKernel
    where TElement : unmanaged, IElement<TElement>
{
    public TElement* Left;     // [m, k], or [k, m] transposed
    public TElement* Right;    // [k, n], or [n, k] transposed
    public TElement* Output;   // [m, n]
    public TElement* Bias;     // [n] or null
    public TElement* Residual; // [m, n] or null; may be the output itself
    public byte* RowMask;      // [m] or null
    public int M;
    public int N;
    public int K;
    public long LeftRowStride;
    public long LeftColumnStride;
    public long RightRowStride;
    public long RightColumnStride;
    public int Activation;

    public readonly void Execute(int row)
    {
        for (int column = 0; column < N; column++)
        {
            float sum = 0f;
            for (int k = 0; k < K; k++)
                sum += TElement.ToSingle(Left[row * LeftRowStride + k * LeftColumnStride]) * TElement.ToSingle(Right[k * RightRowStride + column * RightColumnStride]);
            if (Bias != null)
                sum += TElement.ToSingle(Bias[column]);
            sum = ActivationCode.Apply(Activation, Vector512.Create(sum))[0];
            if (RowMask != null && RowMask[row] == 0)
                sum = 0f;
            if (Residual != null)
                sum += TElement.ToSingle(Residual[(long)row * N + column]);
            Output[(long)row * N + column] = TElement.FromSingle(sum);
        }
    }
}
