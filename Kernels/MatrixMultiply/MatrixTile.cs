using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace GpuTransformer.Kernels;

/// <summary>
/// The register-blocked inner loops of matrix multiplication: a tile of 6 rows and 64 (or 16) columns of C stays in registers while the inner width goes by.
/// Per step of k, 6 broadcasts and 4 vector loads feed 24 multiply-adds, so the multipliers and not the load ports are the limit.
/// Every element sums over k in order, whatever the tile, so all forms agree to the last bit.
/// </summary>
/// <remarks>
/// The accumulators are fields of local structs, which the JIT keeps in registers. AggressiveOptimization: a loop like this must not start in unoptimised
/// code, whatever the tiering settings of the application.
/// </remarks>
internal static unsafe class MatrixTile
{
    /// <summary>Rows of C per tile.</summary>
    public const int Rows = 6;

    /// <summary>Columns of C per wide tile; the row stride of a tile in memory.</summary>
    public const int Columns = 64;

    /// <summary>Columns of C per narrow tile.</summary>
    public const int NarrowColumns = 16;

    /// <summary>C[6, 64] (+)= A[6, depth] B[depth, 64], for machines with 512-bit registers.</summary>
    /// <param name="a">A's first element; element [i, k] is at i · aRow + k · aColumn.</param>
    /// <param name="aRow">Distance between rows of A.</param>
    /// <param name="aColumn">Distance between columns of A.</param>
    /// <param name="b">[depth, 64], rows bRow apart</param>
    /// <param name="bRow">Distance between rows of B.</param>
    /// <param name="depth">The inner width.</param>
    /// <param name="c">[6, 64], dense</param>
    /// <param name="accumulate">Whether to start from what C holds and not from zero.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Wide(float* a, nint aRow, nint aColumn, float* b, nint bRow, int depth, float* c, bool accumulate)
    {
        WideRow r0 = default, r1 = default, r2 = default, r3 = default, r4 = default, r5 = default;
        if (accumulate)
        {
            r0.Load(c);
            r1.Load(c + Columns);
            r2.Load(c + 2 * Columns);
            r3.Load(c + 3 * Columns);
            r4.Load(c + 4 * Columns);
            r5.Load(c + 5 * Columns);
        }

        float* a3 = a + 3 * aRow;
        for (; depth > 0; depth--)
        {
            Vector512<float> b0 = Vector512.Load(b), b1 = Vector512.Load(b + 16), b2 = Vector512.Load(b + 32), b3 = Vector512.Load(b + 48);
            r0.Add(a[0], b0, b1, b2, b3);
            r1.Add(a[aRow], b0, b1, b2, b3);
            r2.Add(a[2 * aRow], b0, b1, b2, b3);
            r3.Add(a3[0], b0, b1, b2, b3);
            r4.Add(a3[aRow], b0, b1, b2, b3);
            r5.Add(a3[2 * aRow], b0, b1, b2, b3);
            a += aColumn;
            a3 += aColumn;
            b += bRow;
        }

        r0.Store(c);
        r1.Store(c + Columns);
        r2.Store(c + 2 * Columns);
        r3.Store(c + 3 * Columns);
        r4.Store(c + 4 * Columns);
        r5.Store(c + 5 * Columns);
    }

    /// <summary>
    /// C[6, 16] (+)= A[6, depth] B[depth, 16], rows of C <see cref="Columns"/> apart: the edges, and machines with 256-bit registers. Parameters as above.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Narrow(float* a, nint aRow, nint aColumn, float* b, nint bRow, int depth, float* c, bool accumulate)
    {
        NarrowRow r0 = default, r1 = default, r2 = default, r3 = default, r4 = default, r5 = default;
        if (accumulate)
        {
            r0.Load(c);
            r1.Load(c + Columns);
            r2.Load(c + 2 * Columns);
            r3.Load(c + 3 * Columns);
            r4.Load(c + 4 * Columns);
            r5.Load(c + 5 * Columns);
        }

        float* a3 = a + 3 * aRow;
        for (; depth > 0; depth--)
        {
            Vector256<float> b0 = Vector256.Load(b), b1 = Vector256.Load(b + 8);
            r0.Add(a[0], b0, b1);
            r1.Add(a[aRow], b0, b1);
            r2.Add(a[2 * aRow], b0, b1);
            r3.Add(a3[0], b0, b1);
            r4.Add(a3[aRow], b0, b1);
            r5.Add(a3[2 * aRow], b0, b1);
            a += aColumn;
            a3 += aColumn;
            b += bRow;
        }

        r0.Store(c);
        r1.Store(c + Columns);
        r2.Store(c + 2 * Columns);
        r3.Store(c + 3 * Columns);
        r4.Store(c + 4 * Columns);
        r5.Store(c + 5 * Columns);
    }

    // 64 columns of one row of C.
    private struct WideRow
    {
        private Vector512<float> _c0, _c1, _c2, _c3;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void Add(float a, Vector512<float> b0, Vector512<float> b1, Vector512<float> b2, Vector512<float> b3)
        {
            Vector512<float> all = Vector512.Create(a);
            _c0 = Vector512.FusedMultiplyAdd(all, b0, _c0);
            _c1 = Vector512.FusedMultiplyAdd(all, b1, _c1);
            _c2 = Vector512.FusedMultiplyAdd(all, b2, _c2);
            _c3 = Vector512.FusedMultiplyAdd(all, b3, _c3);
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void Load(float* c)
        {
            _c0 = Vector512.Load(c);
            _c1 = Vector512.Load(c + 16);
            _c2 = Vector512.Load(c + 32);
            _c3 = Vector512.Load(c + 48);
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public readonly void Store(float* c)
        {
            _c0.Store(c);
            _c1.Store(c + 16);
            _c2.Store(c + 32);
            _c3.Store(c + 48);
        }
    }

    // 16 columns of one row of C.
    private struct NarrowRow
    {
        private Vector256<float> _c0, _c1;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void Add(float a, Vector256<float> b0, Vector256<float> b1)
        {
            Vector256<float> all = Vector256.Create(a);
            _c0 = Vector256.FusedMultiplyAdd(all, b0, _c0);
            _c1 = Vector256.FusedMultiplyAdd(all, b1, _c1);
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void Load(float* c)
        {
            _c0 = Vector256.Load(c);
            _c1 = Vector256.Load(c + 8);
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public readonly void Store(float* c)
        {
            _c0.Store(c);
            _c1.Store(c + 8);
        }
    }
}
