using System.Numerics;
using GpuTransformer.Kernels;

namespace GpuTransformer.Host;

internal static partial class AttentionOperator
{
    // Enough that the last block to finish does not keep eight cores waiting for long.
    private const long BlocksWanted = 32;

    // Scratch grows with lanes times width; this keeps it within a worker's second-level cache.
    private const int WideHead = 128;

    private static KernelVariant<AttentionArguments> VectorizedVariant() => new(
        "Vectorized",
        VariantKind.Vectorized,
        "fused, SIMD, one query per lane, some queries of a head per block",
        static (device, a) => ElementDispatch.Launch<Vectorized, AttentionArguments>(device, a, a.Query.DType));

    /// <summary>Rows (queries, or keys in backward) per block. A function of the shape alone, so that results do not depend on the number of cores.</summary>
    internal static int RowsPerBlock(in AttentionShape shape, int heads, int rows)
    {
        const int Most = AttentionSight.MaximumLanes, Half = Most / 2, Few = 8;
        if (rows <= Half)
            return Math.Max(Few, (int)BitOperations.RoundUpToPowerOf2((uint)rows));

        // A block costs the same however full it is.
        int blocks = (rows + Most - 1) / Most, halfBlocks = (rows + Half - 1) / Half;
        bool isWasteful = halfBlocks * Half < 0.9 * blocks * Most;
        bool isWide = Math.Max(shape.HeadDim, shape.ValueDim) > WideHead;
        return isWide || isWasteful || (long)shape.Batch * heads * blocks < BlocksWanted ? Half : Most;
    }

    private readonly unsafe struct Vectorized : IElementLaunch<AttentionArguments>
    {
        public static void Launch<TElement>(ComputeDevice device, AttentionArguments a)
            where TElement : unmanaged, IElement<TElement>
        {
            FlashForwardVectorized<TElement> kernel = Kernel<TElement>(a);
            device.Launch(kernel.Blocks, kernel);
        }
    }

    internal static unsafe FlashForwardVectorized<TElement> Kernel<TElement>(AttentionArguments a)
        where TElement : unmanaged, IElement<TElement> => new()
    {
        Query = a.Query.Pointer<TElement>(),
        Key = a.Key.Pointer<TElement>(),
        Value = a.Value.Pointer<TElement>(),
        Output = a.Output.Pointer<TElement>(),
        LogSumExp = a.LogSumExp is null ? null : a.LogSumExp.Pointer<float>(),
        Normalizer = a.Normalizer is null ? null : a.Normalizer.Pointer<float>(),
        Arrays = Pointers(a),
        Shape = a.Shape,
        Rules = a.Rules,
        RowsPerBlock = RowsPerBlock(a.Shape, a.Shape.Heads, a.Shape.Queries),
    };

    internal static unsafe AttentionPointers Pointers(AttentionArguments a) => new()
    {
        KeyMask = a.KeyMask is null ? null : a.KeyMask.Pointer<byte>(),
        Mask = a.Mask is null ? null : a.Mask.Pointer<byte>(),
        Bias = a.Bias is null ? null : a.Bias.Pointer<float>(),
        Slopes = a.AlibiSlopes is null ? null : a.AlibiSlopes.Pointer<float>(),
        Positions = a.AlibiPositions is null ? null : a.AlibiPositions.Pointer<float>(),
        Distances = a.DistanceBias is null ? null : a.DistanceBias.Pointer<float>(),
    };
}
