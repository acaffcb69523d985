using ILGPU;
using ILGPU.IR.Intrinsics;

namespace GpuTransformer.Kernels;

/// <summary>Four 32-bit registers, each holding two bfloat16 numbers, the lower half first.</summary>
internal struct PackedQuad
{
    public uint X, Y, Z, W;
}

/// <summary>
/// The tensor-core operations of one warp (CUDA sm_80 and newer). On a GPU each is one instruction; on the simulator the bodies below compute the same from
/// what all 32 lanes hold, so that fragment layouts are proven with no GPU. All lanes of a warp must call them together.
/// </summary>
/// <remarks>Lane l stands for row g = l / 4 and column pair t = l % 4 of an 8 × 8 piece. PTX ISA, "Matrix Fragments for mma.m16n8k16" and "ldmatrix".</remarks>
internal static unsafe class WarpMatrix
{
    /// <summary>
    /// sum + A B in float32, A being 16 × 16 and B 16 × 8, both bfloat16. The lane's share of the result is (g, 2t), (g, 2t + 1), (g + 8, 2t), (g + 8, 2t + 1);
    /// of A, pairs of columns: X (g, 2t), Y (g + 8, 2t), Z (g, 2t + 8), W (g + 8, 2t + 8); of B, pairs of rows: (2t, g) and (2t + 8, g).
    /// </summary>
    public static Float4 MultiplyAdd(Float4 sum, PackedQuad a, uint b0, uint b1) => MultiplyAdd(sum.X, sum.Y, sum.Z, sum.W, a.X, a.Y, a.Z, a.W, b0, b1);

    /// <summary>The same with every register by itself: mma.sync.m16n8k16.</summary>
    [IntrinsicImplementation]
    public static Float4 MultiplyAdd(float c0, float c1, float c2, float c3, uint a0, uint a1, uint a2, uint a3, uint b0, uint b1)
    {
        WarpExchange warp = WarpExchange.Current;
        warp.Write(0, a0);
        warp.Write(1, a1);
        warp.Write(2, a2);
        warp.Write(3, a3);
        warp.Write(4, b0);
        warp.Write(5, b1);
        Warp.Barrier();
        int g = warp.Lane / 4, t = warp.Lane % 4;
        for (int k = 0; k < 16; k++)
        {
            int pair = k % 8 / 2, half = k / 8;
            float upper = Half(warp.Read(g * 4 + pair, half * 2), k), lower = Half(warp.Read(g * 4 + pair, half * 2 + 1), k);
            float left = Half(warp.Read(2 * t * 4 + pair, 4 + half), k), right = Half(warp.Read((2 * t + 1) * 4 + pair, 4 + half), k);
            c0 += upper * left;
            c1 += upper * right;
            c2 += lower * left;
            c3 += lower * right;
        }

        Warp.Barrier();
        return new Float4(c0, c1, c2, c3);
    }

    /// <summary>
    /// Reads four 8 × 8 pieces of bfloat16 from shared memory: lanes 0–7 give the addresses of the rows of the first (X), lanes 8–15 those of the second (Y),
    /// and so on. Each lane receives the pair (g, 2t), (g, 2t + 1) of each. Addresses are multiples of 16 bytes. ldmatrix.x4.
    /// </summary>
    [IntrinsicImplementation]
    public static PackedQuad Load(long address) => Load(address, transposed: false);

    /// <summary>As <see cref="Load(long)"/>, each piece transposed: the lane receives (2t, g), (2t + 1, g). ldmatrix.x4.trans.</summary>
    [IntrinsicImplementation]
    public static PackedQuad LoadTransposed(long address) => Load(address, transposed: true);

    private static PackedQuad Load(long address, bool transposed)
    {
        WarpExchange warp = WarpExchange.Current;
        warp.Write(0, (ulong)address);
        Warp.Barrier();
        var result = new PackedQuad
        {
            X = Piece(warp, 0, transposed), Y = Piece(warp, 1, transposed), Z = Piece(warp, 2, transposed), W = Piece(warp, 3, transposed),
        };
        Warp.Barrier();
        return result;
    }

    private static uint Piece(WarpExchange warp, int piece, bool transposed)
    {
        int g = warp.Lane / 4, t = warp.Lane % 4;
        return transposed ? Element(2 * t, g) | (Element(2 * t + 1, g) << 16) : Element(g, 2 * t) | (Element(g, 2 * t + 1) << 16);

        uint Element(int row, int column) => ((ushort*)warp.Read(piece * 8 + row, 0))[column];
    }

    private static float Half(ulong pair, int k) => BitConverter.UInt32BitsToSingle(k % 2 == 0 ? (uint)pair << 16 : (uint)pair & 0xffff0000u);
}
