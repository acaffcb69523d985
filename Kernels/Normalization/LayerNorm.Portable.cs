using ILGPU;
using ILGPU.Algorithms;

namespace GpuTransformer.Kernels;

/// <summary>
/// Layer normalisation of one row per group of threads: y = (x − mean) / sqrt(var + ε) · (gain + offset).
/// The mean is subtracted before squaring (two passes over the row), so a large common offset costs no precision.
/// </summary>
internal struct LayerNormPortable<TElement>
    where TElement : unmanaged, IElement<TElement>
{
    /// <summary>Threads per row; the reduction below assumes a power of two.</summary>
    public const int GroupSize = 64;

    public ArrayView<TElement> Input;  // [rows, dim]
    public ArrayView<TElement> Gain;   // [rows / RowsPerGain, dim] or empty
    public ArrayView<TElement> Output; // [rows, dim]
    public int Dim;
    public int RowsPerGain;
    public float GainOffset;
    public float Epsilon;

    /// <summary>Grid: one group per row.</summary>
    public static void Kernel(LayerNormPortable<TElement> p)
    {
        int thread = Group.IdxX;
        long row = (long)Grid.IdxX * p.Dim;
        long gainRow = (long)(Grid.IdxX / p.RowsPerGain) * p.Dim;

        float sum = 0f;
        for (int c = thread; c < p.Dim; c += GroupSize)
            sum += TElement.ToSingle(p.Input[row + c]);
        float mean = GroupReduce.Sum(sum) / p.Dim;

        float squares = 0f;
        for (int c = thread; c < p.Dim; c += GroupSize)
        {
            float centred = TElement.ToSingle(p.Input[row + c]) - mean;
            squares += centred * centred;
        }

        float scale = 1f / XMath.Sqrt(GroupReduce.Sum(squares) / p.Dim + p.Epsilon);
        for (int c = thread; c < p.Dim; c += GroupSize)
        {
            float gain = p.Gain.Length > 0 ? TElement.ToSingle(p.Gain[gainRow + c]) + p.GainOffset : 1f;
            p.Output[row + c] = TElement.FromSingle((TElement.ToSingle(p.Input[row + c]) - mean) * scale * gain);
        }
    }
}
