using System.Runtime.Intrinsics;

namespace GpuTransformer.Kernels;

/// <summary>A Vectorized kernel whose blocks hold one row in each SIMD lane, written once for every width of register.</summary>
internal interface ILaneKernel : IBlockKernel
{
    /// <summary>Lanes of a block: at least two vectors.</summary>
    int Lanes { get; }

    /// <summary>Computes block <paramref name="block"/> with vectors of a given width.</summary>
    void Run<TSimd, TVector>(int block)
        where TSimd : struct, ISimd<TVector>
        where TVector : unmanaged;
}

/// <summary>Chooses the width.</summary>
internal static class LaneKernel
{
    /// <summary>Runs with the widest registers that the processor has and the block fills twice: a few rows would leave wide ones mostly empty.</summary>
    public static void Execute<TKernel>(ref TKernel kernel, int block)
        where TKernel : struct, ILaneKernel
    {
        if (Vector512.IsHardwareAccelerated && kernel.Lanes >= 2 * Vector512<float>.Count)
            kernel.Run<Simd512, Vector512<float>>(block);
        else if (Vector256.IsHardwareAccelerated && kernel.Lanes >= 2 * Vector256<float>.Count)
            kernel.Run<Simd256, Vector256<float>>(block);
        else
            kernel.Run<Simd128, Vector128<float>>(block);
    }
}
