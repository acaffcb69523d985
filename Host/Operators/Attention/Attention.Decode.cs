using GpuTransformer.Kernels;

namespace GpuTransformer.Host;

/// <content>Few queries against many keys: the keys are parted among workers, and what each has made of its part is put together in order.</content>
internal static partial class AttentionOperator
{
    // More queries than this fill the tiles of the other variants.
    private const int MostDecodeQueries = 8;

    // Of every shape the same: chunks of padding add exact zeros, so that padding changes no bit.
    private const int DecodeChunk = 256;

    private static KernelVariant<AttentionArguments> DecodeVectorizedVariant() => new(
        "DecodeVectorized",
        VariantKind.Vectorized,
        "few queries: SIMD, one chunk of the keys of one key/value head per block, then folded",
        static (device, a) => ElementDispatch.Launch<DecodeVectorized, AttentionArguments>(device, a, a.Query.DType),
        static (_, a) => IsDecode(a) && a.AlibiPositions is null);

    private static KernelVariant<AttentionArguments> DecodePortableVariant() => new(
        "DecodePortable",
        VariantKind.Portable,
        "few queries: one chunk of the keys of one query of one head per group, then folded",
        static (device, a) => ElementDispatch.Launch<DecodePortable, AttentionArguments>(device, a, a.Query.DType),
        static (_, a) => IsDecode(a));

    // Backward makes scores anew, in the order in which the other variants make them: the row's largest must be of that order to the last bit.
    private static bool IsDecode(in AttentionArguments a)
        => a.Shape.Queries <= MostDecodeQueries && a.Shape.Keys > 0 && a.Rules.Dropout.Threshold == 0 && a.Normalizer is null;

    private static int DecodeChunks(in AttentionShape shape) => (shape.Keys + DecodeChunk - 1) / DecodeChunk;

    private readonly unsafe struct DecodeVectorized : IElementLaunch<AttentionArguments>
    {
        public static void Launch<TElement>(ComputeDevice device, AttentionArguments a)
            where TElement : unmanaged, IElement<TElement>
        {
            int chunks = DecodeChunks(a.Shape);
            int rows = a.Shape.Batch * a.Shape.Heads * a.Shape.Queries, width = FlashDecodeVectorized<TElement>.PaddedWidth(a.Shape.ValueDim);
            using Tensor partial = Tensor.Empty(device, [rows, chunks, width]), sums = Tensor.Empty(device, [rows, chunks, 2]);
            var decode = new FlashDecodeVectorized<TElement>
            {
                Query = a.Query.Pointer<TElement>(),
                Key = a.Key.Pointer<TElement>(),
                Value = a.Value.Pointer<TElement>(),
                Partial = partial.Pointer<float>(),
                Sums = sums.Pointer<float>(),
                Arrays = Pointers(a),
                Shape = a.Shape,
                Rules = a.Rules,
                Chunks = chunks,
                ChunkKeys = DecodeChunk,
            };
            device.Launch(decode.Blocks, decode);
            var fold = new FlashDecodeFoldVectorized<TElement>
            {
                Partial = partial.Pointer<float>(),
                Sums = sums.Pointer<float>(),
                Output = a.Output.Pointer<TElement>(),
                LogSumExp = a.LogSumExp is null ? null : a.LogSumExp.Pointer<float>(),
                Shape = a.Shape,
                Chunks = chunks,
                RowsPerBlock = Math.Max(1, 4096 / (chunks * width)),
            };
            device.Launch(fold.Blocks, fold);
        }
    }

    private readonly struct DecodePortable : IElementLaunch<AttentionArguments>
    {
        public static void Launch<TElement>(ComputeDevice device, AttentionArguments a)
            where TElement : unmanaged, IElement<TElement>
        {
            int rows = a.Shape.Batch * a.Shape.Heads * a.Shape.Queries;
            int chunks = DecodeChunks(a.Shape);
            using Tensor partial = Tensor.Empty(device, [rows, chunks, a.Shape.ValueDim]), sums = Tensor.Empty(device, [rows, chunks, 2]);
            var decode = new FlashDecodePortable<TElement>
            {
                Query = a.Query.View<TElement>(),
                Key = a.Key.View<TElement>(),
                Value = a.Value.View<TElement>(),
                Partial = partial.View<float>(),
                Sums = sums.View<float>(),
                Arrays = Arrays(a),
                Shape = a.Shape,
                Rules = a.Rules,
                Chunks = chunks,
                ChunkKeys = DecodeChunk,
            };
            device.Launch(FlashDecodePortable<TElement>.Kernel, decode.Groups, FlashDecodePortable<TElement>.GroupSize, decode);
            var fold = new FlashDecodeFoldPortable<TElement>
            {
                Partial = partial.View<float>(),
                Sums = sums.View<float>(),
                Output = a.Output.View<TElement>(),
                LogSumExp = a.LogSumExp?.View<float>() ?? default,
                Shape = a.Shape,
                Chunks = chunks,
            };
            device.Launch(FlashDecodeFoldPortable<TElement>.Kernel, fold.Groups, FlashDecodeFoldPortable<TElement>.GroupSize, fold);
        }
    }
}
