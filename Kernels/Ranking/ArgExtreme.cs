using ILGPU;

namespace GpuTransformer.Kernels;

/// <summary>Where the largest or smallest number of each row is: the first of equal ones, and NaN before all others. One group per row.</summary>
internal struct ArgExtremePortable : IGridKernel
{
    /// <summary>Threads per group.</summary>
    public const int GroupSize = 64;

    public ArrayView<float> Input;  // [outer, Length, Inner]
    public ArrayView<long> Indices; // [outer, Inner]
    public int Length;
    public int Inner;
    public int Descending; // 1 for the largest

    /// <inheritdoc/>
    public int FirstGroup { get; set; }

    /// <summary>How many groups the launch needs.</summary>
    public readonly long Groups => Indices.Length;

    /// <summary>Grid: outer · inner groups.</summary>
    public static void Kernel(ArgExtremePortable p)
    {
        ArrayView<int> keys = SharedMemory.Allocate<int>(GroupSize), places = SharedMemory.Allocate<int>(GroupSize);
        GroupPlace at = GroupPlace.Of(p.FirstGroup + Grid.IdxX, p.Inner);
        long start = (long)at.Outer * p.Length * p.Inner + at.Inner;
        int thread = Group.IdxX, best = int.MaxValue, place = int.MaxValue;
        for (int k = thread; k < p.Length; k += GroupSize)
        {
            int key = RankOrder.SortKey(p.Input[start + (long)k * p.Inner], p.Descending, 1);
            if (key < best || place == int.MaxValue)
            {
                best = key;
                place = k;
            }
        }

        keys[thread] = best;
        places[thread] = place;
        for (int half = GroupSize / 2; half > 0; half >>= 1)
        {
            Group.Barrier();
            if (thread < half)
            {
                int key = keys[thread + half], other = places[thread + half];
                if (key < keys[thread] || (key == keys[thread] && other < places[thread]))
                {
                    keys[thread] = key;
                    places[thread] = other;
                }
            }
        }

        if (thread == 0)
            p.Indices[(long)at.Outer * p.Inner + at.Inner] = places[0];
    }
}

/// <summary>Where the largest or smallest number of each row is, on the processor; see <see cref="ArgExtremePortable"/>.</summary>
internal unsafe struct ArgExtremeVectorized : IBlockKernel
{
    public float* Input;  // [outer, Length, Inner]
    public long* Indices; // [outer, Inner]
    public int Length;
    public int Inner;
    public int Descending;
    public int Rows;
    public int RowsPerBlock;

    /// <summary>How many blocks the launch needs.</summary>
    public readonly int Blocks => (Rows + RowsPerBlock - 1) / RowsPerBlock;

    public readonly void Execute(int block)
    {
        int end = Math.Min(Rows, (block + 1) * RowsPerBlock);
        for (int row = block * RowsPerBlock; row < end; row++)
        {
            int outer = row / Inner;
            float* input = Input + (long)outer * Length * Inner + (row - outer * Inner);
            int best = int.MaxValue, place = -1;
            for (int k = 0; k < Length; k++)
            {
                int key = RankOrder.SortKey(input[(long)k * Inner], Descending, 1);
                if (key < best || place < 0)
                    (best, place) = (key, k);
            }

            Indices[row] = place;
        }
    }
}
