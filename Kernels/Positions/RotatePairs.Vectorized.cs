using System.Runtime.Intrinsics;

namespace GpuTransformer.Kernels;

/// <summary>Rotates pairs of neighbouring columns with SIMD, eight at a time, and copies the rest.</summary>
internal unsafe struct RotatePairsVectorized<TElement> : IBlockKernel
    where TElement : unmanaged, IElement<TElement>
{
    public TElement* Input;  // [rows, heads · width]
    public float* Table;     // [tableRows, rotated]: cosine and sine of each pair
    public TElement* Output; // [rows, heads · width]
    public RotationShape Shape;
    public int RowsPerBlock;

    /// <summary>How many blocks the launch needs.</summary>
    public readonly int Blocks => (Shape.Rows + RowsPerBlock - 1) / RowsPerBlock;

    public readonly void Execute(int block)
    {
        int end = Math.Min(Shape.Rows, (block + 1) * RowsPerBlock);
        for (int row = block * RowsPerBlock; row < end; row++)
        {
            float* angles = Table + (long)(row % Shape.TableRows) * Shape.Rotated;
            for (int head = 0; head < Shape.Heads; head++)
            {
                long first = ((long)row * Shape.Heads + head) * Shape.Width;
                int rotated = head < Shape.FirstHead ? 0 : Shape.Rotated;
                Rotate(Input + first, angles, Output + first, rotated);
                new ReadOnlySpan<TElement>(Input + first + rotated, Shape.Width - rotated).CopyTo(
                    new Span<TElement>(Output + first + rotated, Shape.Width - rotated));
            }
        }
    }

    private readonly void Rotate(TElement* input, float* angles, TElement* output, int rotated)
    {
        var swap = Vector512.Create(1, 0, 3, 2, 5, 4, 7, 6, 9, 8, 11, 10, 13, 12, 15, 14);
        var even = Vector512.Create(0, 0, 2, 2, 4, 4, 6, 6, 8, 8, 10, 10, 12, 12, 14, 14);
        var signs = Vector512.Create(-1f, 1f, -1f, 1f, -1f, 1f, -1f, 1f, -1f, 1f, -1f, 1f, -1f, 1f, -1f, 1f) * Shape.Sign;
        for (int c = 0; c < rotated; c += ElementVector.Width)
        {
            int lanes = rotated - c;
            Vector512<float> x = ElementVector.Load(input + c, lanes), angle = ElementVector.Load((Float32*)angles + c, lanes);
            Vector512<float> cosine = Vector512.Shuffle(angle, even), sine = Vector512.Shuffle(angle, even + Vector512<int>.One);
            ElementVector.Store(x * cosine + Vector512.Shuffle(x, swap) * (sine * signs), output + c, lanes);
        }
    }
}
