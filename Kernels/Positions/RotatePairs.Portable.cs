using ILGPU;

namespace GpuTransformer.Kernels;

/// <summary>Rotates pairs of neighbouring columns, or copies; one thread per pair (the last column of an odd head stands alone).</summary>
internal struct RotatePairsPortable<TElement> : IGridKernel
    where TElement : unmanaged, IElement<TElement>
{
    /// <summary>Threads per group.</summary>
    public const int GroupSize = 64;

    public ArrayView<TElement> Input;  // [rows, heads · width]
    public ArrayView<float> Table;     // [tableRows, rotated]: cosine and sine of each pair
    public ArrayView<TElement> Output; // [rows, heads · width]
    public RotationShape Shape;

    /// <inheritdoc/>
    public int FirstGroup { get; set; }

    /// <summary>How many groups the launch needs.</summary>
    public readonly long Groups => (long)Shape.Rows * GroupsPerRow(Shape);

    /// <summary>Grid: rows × (pairs / <see cref="GroupSize"/> rounded up).</summary>
    public static void Kernel(RotatePairsPortable<TElement> p)
    {
        GroupPlace at = GroupPlace.Of(p.FirstGroup + Grid.IdxX, GroupsPerRow(p.Shape));
        int pairs = (p.Shape.Width + 1) / 2, pair = at.Inner * GroupSize + Group.IdxX, head = pair / pairs;
        if (head < p.Shape.Heads)
        {
            int column = (pair - head * pairs) * 2;
            long first = ((long)at.Outer * p.Shape.Heads + head) * p.Shape.Width + column;
            if (head < p.Shape.FirstHead || column >= p.Shape.Rotated)
            {
                p.Output[first] = p.Input[first];
                if (column + 1 < p.Shape.Width)
                    p.Output[first + 1] = p.Input[first + 1];
            }
            else
            {
                long angle = (long)(at.Outer % p.Shape.TableRows) * p.Shape.Rotated + column;
                float cosine = p.Table[angle], sine = p.Table[angle + 1] * p.Shape.Sign;
                float x = TElement.ToSingle(p.Input[first]), y = TElement.ToSingle(p.Input[first + 1]);
                p.Output[first] = TElement.FromSingle(x * cosine - y * sine);
                p.Output[first + 1] = TElement.FromSingle(y * cosine + x * sine);
            }
        }
    }

    private static int GroupsPerRow(RotationShape shape) => (shape.Heads * ((shape.Width + 1) / 2) + GroupSize - 1) / GroupSize;
}
