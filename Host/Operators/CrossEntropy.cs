using GpuTransformer.Kernels;
using ILGPU;

namespace GpuTransformer.Host;

public static partial class Operators
{
    /// <summary>
    /// The mean over the rows that count of −Σ_c y_c ln softmax(x)_c, y being 1 − s at the target plus s / classes everywhere: softmax and cross-entropy fused, the probabilities never stored.
    /// </summary>
    /// <param name="logits">[…, classes]</param>
    /// <param name="targets">[…], Int32 or Int64, each in [0, classes) or <paramref name="ignoreIndex"/>.</param>
    /// <param name="ignoreIndex">Rows with this target count for nothing; −100 as in PyTorch.</param>
    /// <param name="labelSmoothing">s, from 0 to 1.</param>
    /// <returns>A float32 scalar; zero if no row counts.</returns>
    /// <exception cref="ArgumentException">A shape, device, data type or target does not fit; nothing was launched.</exception>
    /// <remarks>Waits for the device in order to check the targets, unless they are Int32 and the host wrote them: one out of range would read foreign memory.</remarks>
    public static Tensor SoftmaxCrossEntropy(Tensor logits, Tensor targets, int ignoreIndex = -100, float labelSmoothing = 0f)
    {
        Arguments.CheckRows(logits);
        ComputeDevice device = logits.Device;
        Tensor checkedTargets = CrossEntropyOperator.CheckTargets(logits, targets, ignoreIndex);
        if (!(labelSmoothing >= 0f && labelSmoothing <= 1f))
            throw Arguments.Wrong(nameof(labelSmoothing), $"is {labelSmoothing}, but must be from 0 to 1.");

        int rows = checked((int)checkedTargets.Shape.Count);
        Tensor loss = Tensor.Empty(device, [rows]), weight = Tensor.Empty(device, [rows]), normalizer = Tensor.Empty(device, [rows, 2]);
        var arguments = new CrossEntropyArguments(logits, checkedTargets, loss, weight, normalizer, ignoreIndex, labelSmoothing);
        if (rows > 0)
            CrossEntropyOperator.Definition.Run(device, arguments);
        (Tensor mean, Tensor inverseWeight) = WeightedMeanOperator.Run(loss, weight);
        if (device.Records(logits))
        {
            device.Record(mean, upstream =>
            {
                Tensor gradient = Tensor.Empty(device, logits.Shape, logits.DType);
                if (rows > 0)
                    CrossEntropyBackwardOperator.Definition.Run(device, new CrossEntropyBackwardArguments(logits, checkedTargets, normalizer, upstream, inverseWeight, gradient, ignoreIndex, labelSmoothing));
                GradientTape.Accumulate(logits, gradient);
            });
        }

        return mean;
    }
}

/// <summary>What a CrossEntropy variant is given.</summary>
internal readonly record struct CrossEntropyArguments(Tensor Logits, Tensor Targets, Tensor Loss, Tensor Weight, Tensor Normalizer, int IgnoreIndex, float Smoothing)
{
    public int Classes => Logits.Shape[^1];

    public int Rows => checked((int)Targets.Shape.Count);
}

/// <summary>CrossEntropy in the catalogue.</summary>
internal static partial class CrossEntropyOperator
{
    public static readonly OperatorDefinition<CrossEntropyArguments> Definition = new(
        "CrossEntropy",
        "loss = ln Σ e^x − (1 − s) · x_target − s / classes · Σ x",
        [
            new("Vectorized", VariantKind.Vectorized, "SIMD, some rows per block", static (device, a) => ElementDispatch.Launch<Vectorized, CrossEntropyArguments>(device, a, a.Logits.DType)),
            new(
                "Portable",
                VariantKind.Portable,
                "64 threads per row",
                static (device, a) => ElementDispatch.Launch<Portable, CrossEntropyArguments>(device, a, a.Logits.DType),
                [
                    DeviceKernel.Of<CrossEntropyPortable<Float32>>(CrossEntropyPortable<Float32>.Kernel, CrossEntropyPortable<Float32>.GroupSize),
                    DeviceKernel.Of<CrossEntropyPortable<BFloat16>>(CrossEntropyPortable<BFloat16>.Kernel, CrossEntropyPortable<BFloat16>.GroupSize),
                    DeviceKernel.Of<CrossEntropyPortable<Float16>>(CrossEntropyPortable<Float16>.Kernel, CrossEntropyPortable<Float16>.GroupSize),
                ]),
        ],
        CrossEntropyCases.Forward);

    /// <summary>The targets as Int32, each checked on the host.</summary>
    public static Tensor CheckTargets(Tensor logits, Tensor targets, int ignoreIndex)
    {
        Arguments.Check(logits.Device, targets);
        if (targets.Shape != new Shape(logits.Shape.Lengths[..^1]))
            throw Arguments.Wrong(nameof(targets), $"has shape {targets.Shape}, but the logits {logits.Shape} need one target for each row: {new Shape(logits.Shape.Lengths[..^1])}.");
        if (targets.DType is not (DType.Int32 or DType.Int64))
            throw Arguments.Wrong(nameof(targets), $"holds {targets.DType}, but class numbers (Int32 or Int64) are needed.");
        int classes = logits.Shape[^1];
        if (targets.DType == DType.Int32 && targets.KnownIntegers is { } known && known.AreBelow(classes, ignoreIndex))
            return targets;
        long[] values = targets.ToInt64Array();
        for (int i = 0; i < values.Length; i++)
        {
            if (values[i] != ignoreIndex && (values[i] < 0 || values[i] >= classes))
                throw Arguments.Wrong(nameof(targets), $"holds {values[i]} at position {i}, but must be in [0, {classes}) or the ignored index {ignoreIndex}.");
        }

        return targets.DType == DType.Int32 ? targets : Tensor.From(logits.Device, targets.Shape, Array.ConvertAll(values, static v => (int)v));
    }

    private readonly struct Portable : IElementLaunch<CrossEntropyArguments>
    {
        public static void Launch<TElement>(ComputeDevice device, CrossEntropyArguments a)
            where TElement : unmanaged, IElement<TElement>
            => device.Launch(CrossEntropyPortable<TElement>.Kernel, new Index3D(a.Rows, 1, 1), new Index3D(CrossEntropyPortable<TElement>.GroupSize, 1, 1), new CrossEntropyPortable<TElement>
            {
                Logits = a.Logits.View<TElement>(),
                Targets = a.Targets.View<int>(),
                Loss = a.Loss.View<float>(),
                Weight = a.Weight.View<float>(),
                Normalizer = a.Normalizer.View<float>(),
                Classes = a.Classes,
                IgnoreIndex = a.IgnoreIndex,
                Smoothing = a.Smoothing,
            });
    }

    private readonly unsafe struct Vectorized : IElementLaunch<CrossEntropyArguments>
    {
        public static void Launch<TElement>(ComputeDevice device, CrossEntropyArguments a)
            where TElement : unmanaged, IElement<TElement>
        {
            int rowsPerBlock = VectorizedBlocks.RowsPerBlock(device, a.Rows, a.Classes);
            device.Launch((a.Rows + rowsPerBlock - 1) / rowsPerBlock, new CrossEntropyVectorized<TElement>
            {
                Logits = a.Logits.Pointer<TElement>(),
                Targets = a.Targets.Pointer<int>(),
                Loss = a.Loss.Pointer<float>(),
                Weight = a.Weight.Pointer<float>(),
                Normalizer = a.Normalizer.Pointer<float>(),
                Rows = a.Rows,
                Classes = a.Classes,
                RowsPerBlock = rowsPerBlock,
                IgnoreIndex = a.IgnoreIndex,
                Smoothing = a.Smoothing,
            });
        }
    }
}
