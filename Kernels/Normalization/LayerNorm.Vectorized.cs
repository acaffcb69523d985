using System.Runtime.Intrinsics;

namespace GpuTransformer.Kernels;

/// <summary>Layer normalisation with SIMD, <see cref="RowsPerBlock"/> rows per block: y = (x − mean) / sqrt(var + ε) · (gain + offset).</summary>
internal unsafe struct LayerNormVectorized<TElement> : IBlockKernel
    where TElement : unmanaged, IElement<TElement>
{
    public TElement* Input;  // [rows, dim]
    public TElement* Gain;   // [rows / RowsPerGain, dim] or null
    public TElement* Output; // [rows, dim]
    public int Rows;
    public int Dim;
    public int RowsPerGain;
    public int RowsPerBlock;
    public float GainOffset;
    public float Epsilon;

    public readonly void Execute(int block)
    {
        int end = Math.Min(Rows, (block + 1) * RowsPerBlock);
        for (int row = block * RowsPerBlock; row < end; row++)
        {
            TElement* gain = Gain == null ? null : Gain + (long)(row / RowsPerGain) * Dim;
            Row(Input + (long)row * Dim, gain, Output + (long)row * Dim);
        }
    }

    private readonly void Row(TElement* input, TElement* gain, TElement* output)
    {
        int whole = Dim / ElementVector.Width * ElementVector.Width, rest = Dim - whole;
        Vector512<float> sums = default;
        for (int c = 0; c < whole; c += ElementVector.Width)
            sums += ElementVector.Load(input + c);
        if (rest > 0)
            sums += ElementVector.LoadPartial(input + whole, rest);
        float mean = Vector512.Sum(sums) / Dim;

        Vector512<float> means = Vector512.Create(mean), squares = default;
        for (int c = 0; c < whole; c += ElementVector.Width)
        {
            Vector512<float> centred = ElementVector.Load(input + c) - means;
            squares = Vector512.FusedMultiplyAdd(centred, centred, squares);
        }

        if (rest > 0)
        {
            // Filling with the mean makes the missing lanes count as zero.
            Vector512<float> centred = ElementVector.LoadPartial(input + whole, rest, mean) - means;
            squares = Vector512.FusedMultiplyAdd(centred, centred, squares);
        }

        Vector512<float> scale = Vector512.Create(1f / MathF.Sqrt(Vector512.Sum(squares) / Dim + Epsilon));
        Vector512<float> offset = Vector512.Create(GainOffset);
        for (int c = 0; c < whole; c += ElementVector.Width)
        {
            Vector512<float> factor = gain == null ? scale : scale * (ElementVector.Load(gain + c) + offset);
            ElementVector.Store((ElementVector.Load(input + c) - means) * factor, output + c);
        }

        if (rest > 0)
        {
            Vector512<float> factor = gain == null ? scale : scale * (ElementVector.LoadPartial(gain + whole, rest) + offset);
            ElementVector.StorePartial((ElementVector.LoadPartial(input + whole, rest) - means) * factor, output + whole, rest);
        }
    }
}
