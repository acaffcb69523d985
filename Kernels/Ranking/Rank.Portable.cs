using ILGPU;

namespace GpuTransformer.Kernels;

/// <summary>
/// The first <see cref="Count"/> numbers of each row in order, and where they were. A number's place is how many come before it, which each thread counts for
/// one number: length² comparisons, but no exchange between threads, and every row of any length.
/// </summary>
internal struct RankPortable : IGridKernel
{
    /// <summary>Threads per group.</summary>
    public const int GroupSize = 64;

    public ArrayView<float> Input;  // [outer, Length, Inner]
    public ArrayView<float> Values; // [outer, Count, Inner]
    public ArrayView<long> Indices; // [outer, Count, Inner]
    public int Length;
    public int Count;
    public int Inner;
    public int Descending;

    /// <inheritdoc/>
    public int FirstGroup { get; set; }

    /// <summary>How many groups the launch needs.</summary>
    public readonly long Groups => (Input.Length + GroupSize - 1) / GroupSize;

    /// <summary>Grid: elements / <see cref="GroupSize"/>, rounded up.</summary>
    public static void Kernel(RankPortable p)
    {
        long element = (long)(p.FirstGroup + Grid.IdxX) * GroupSize + Group.IdxX;
        if (element < p.Input.Length)
        {
            long row = element / p.Inner, inner = element - row * p.Inner, outer = row / p.Length, start = outer * p.Length * p.Inner + inner;
            int own = (int)(row - outer * p.Length), rank = 0;
            float value = p.Input[element];
            int key = RankOrder.SortKey(value, p.Descending, 0);
            for (int k = 0; k < p.Length; k++)
            {
                int other = RankOrder.SortKey(p.Input[start + (long)k * p.Inner], p.Descending, 0);
                if (other < key || (other == key && k < own))
                    rank++;
            }

            if (rank < p.Count)
            {
                long output = (outer * p.Count + rank) * p.Inner + inner;
                p.Values[output] = value;
                p.Indices[output] = own;
            }
        }
    }
}
