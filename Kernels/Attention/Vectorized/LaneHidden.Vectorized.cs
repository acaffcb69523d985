using System.Runtime.CompilerServices;

namespace GpuTransformer.Kernels;

/// <summary>
/// What the matrix products of attention fall back to where a tile hides something and its sums are not finite: a term counts only in the lanes that see its
/// row.
/// </summary>
internal static unsafe class LaneHidden<TSimd, TVector>
    where TSimd : struct, ISimd<TVector>
    where TVector : unmanaged
{
    /// <summary>
    /// sums[c][lane] = factor[lane] · sums[c][lane] + Σ_k rows[k][column + c] · panel[k][lane] over the rows that the lane sees, for four columns: the same
    /// operations in the same order as those of <see cref="LaneProducts{TSimd, TVector}"/>, so that the bits are those which zeros in the hidden rows would
    /// give.
    /// </summary>
    /// <param name="rows">[count] pointers</param>
    /// <param name="column">The first of the four columns.</param>
    /// <param name="count">How many rows.</param>
    /// <param name="panel">[count][stride], from the first lane on, as are the next three</param>
    /// <param name="stride">Lanes of a block.</param>
    /// <param name="factor">[lanes]</param>
    /// <param name="sums">[4][stride]</param>
    /// <param name="visible">[count] a bit per lane of the block</param>
    /// <param name="firstLane">Which lane of the block the first one is.</param>
    /// <param name="lanes">How many there are, a multiple of a vector.</param>
    [MethodImpl(MethodImplOptions.NoInlining | MethodImplOptions.AggressiveOptimization)]
    public static void Accumulate(
        float** rows, int column, int count, float* panel, int stride, float* factor, float* sums, ulong* visible, int firstLane, int lanes)
    {
        for (int c = 0; c < LaneProducts<TSimd, TVector>.RowTile; c++)
        {
            for (int lane = 0; lane < lanes; lane += TSimd.Width)
            {
                float* target = sums + c * stride + lane;
                TVector sum = TSimd.Multiply(TSimd.Load(factor + lane), TSimd.Load(target));
                for (int k = 0; k < count; k++)
                {
                    TVector with = TSimd.MultiplyAdd(TSimd.Create(rows[k][column + c]), TSimd.Load(panel + (long)k * stride + lane), sum);
                    sum = TSimd.SelectBits((uint)(visible[k] >> (firstLane + lane)), with, sum);
                }

                TSimd.Store(sum, target);
            }
        }
    }
}
