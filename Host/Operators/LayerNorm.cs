using GpuTransformer.Kernels;
using ILGPU;

namespace GpuTransformer.Host;

/// <summary>The operators: each checks its arguments, allocates its result and launches the best variant.</summary>
public static partial class Operators
{
    /// <summary>y = (x − mean) / sqrt(var + ε) · (gain + <paramref name="gainOffset"/>) over the last axis, var being the biased variance.</summary>
    /// <param name="input">[…, dim]</param>
    /// <param name="gain">[dim], or [groups, dim] where the rows divide evenly into groups; or null for a gain of one.</param>
    /// <param name="gainOffset">Added to the stored gain: 1 where gains are stored minus one.</param>
    /// <param name="epsilon">Added to the variance.</param>
    /// <returns>A tensor of the input's shape and data type.</returns>
    /// <exception cref="ArgumentException">A shape, device or data type does not fit; nothing was launched.</exception>
    /// <remarks>Ba, Kiros, Hinton 2016, without the bias.</remarks>
    public static Tensor LayerNorm(Tensor input, Tensor? gain, float gainOffset = 0f, float epsilon = 1e-5f)
    {
        ArgumentNullException.ThrowIfNull(input);
        ComputeDevice device = input.Device;
        Arguments.CheckFloating(device, input);
        if (input.Shape.Rank == 0)
            throw Arguments.Wrong(nameof(input), "is a scalar, but a normalisation needs a last axis to normalise over.");
        int dim = input.Shape[^1];
        long rows = dim == 0 ? 0 : input.Shape.Count / dim;
        if (gain is not null)
        {
            Arguments.Check(device, gain, input.DType);
            if (gain.Shape.Rank == 0 || gain.Shape[^1] != dim || rows % (gain.Shape.Count / dim) != 0)
                throw Arguments.Wrong(nameof(gain), $"has shape {gain.Shape}, but the input {input.Shape} needs [{dim}] or one row of {dim} for each group of rows.");
        }

        Tensor output = Tensor.Empty(device, input.Shape, input.DType);
        if (rows > 0)
            LayerNormOperator.Definition.Run(device, new LayerNormArguments(input, gain, output, gainOffset, epsilon));
        return output;
    }
}

/// <summary>What a LayerNorm variant is given.</summary>
internal readonly record struct LayerNormArguments(Tensor Input, Tensor? Gain, Tensor Output, float GainOffset, float Epsilon)
{
    public int Dim => Input.Shape[^1];

    public int Rows => checked((int)(Input.Shape.Count / Dim));

    public int RowsPerGain => Gain is null ? Rows : Rows / checked((int)(Gain.Shape.Count / Dim));
}

/// <summary>LayerNorm in the catalogue.</summary>
internal static partial class LayerNormOperator
{
    public static readonly OperatorDefinition<LayerNormArguments> Definition = new(
        "LayerNorm",
        "y = (x − mean) / sqrt(var + ε) · (gain + offset)",
        [
            new("Vectorized", VariantKind.Vectorized, "SIMD, some rows per block", static (device, a) => ElementDispatch.Launch<Vectorized, LayerNormArguments>(device, a, a.Input.DType)),
            new(
                "Portable",
                VariantKind.Portable,
                "64 threads per row, two passes",
                static (device, a) => ElementDispatch.Launch<Portable, LayerNormArguments>(device, a, a.Input.DType),
                [
                    DeviceKernel.Of<LayerNormPortable<Float32>>(LayerNormPortable<Float32>.Kernel, LayerNormPortable<Float32>.GroupSize),
                    DeviceKernel.Of<LayerNormPortable<BFloat16>>(LayerNormPortable<BFloat16>.Kernel, LayerNormPortable<BFloat16>.GroupSize),
                    DeviceKernel.Of<LayerNormPortable<Float16>>(LayerNormPortable<Float16>.Kernel, LayerNormPortable<Float16>.GroupSize),
                ]),
        ],
        Cases);

    private readonly struct Portable : IElementLaunch<LayerNormArguments>
    {
        public static void Launch<TElement>(ComputeDevice device, LayerNormArguments a)
            where TElement : unmanaged, IElement<TElement>
            => device.Launch(LayerNormPortable<TElement>.Kernel, new Index3D(a.Rows, 1, 1), new Index3D(LayerNormPortable<TElement>.GroupSize, 1, 1), new LayerNormPortable<TElement>
            {
                Input = a.Input.View<TElement>(),
                Gain = a.Gain?.View<TElement>() ?? default,
                Output = a.Output.View<TElement>(),
                Dim = a.Dim,
                RowsPerGain = a.RowsPerGain,
                GainOffset = a.GainOffset,
                Epsilon = a.Epsilon,
            });
    }

    private readonly unsafe struct Vectorized : IElementLaunch<LayerNormArguments>
    {
        public static void Launch<TElement>(ComputeDevice device, LayerNormArguments a)
            where TElement : unmanaged, IElement<TElement>
        {
            int rowsPerBlock = VectorizedBlocks.RowsPerBlock(device, a.Rows, a.Dim);
            device.Launch((a.Rows + rowsPerBlock - 1) / rowsPerBlock, new LayerNormVectorized<TElement>
            {
                Input = a.Input.Pointer<TElement>(),
                Gain = a.Gain is null ? null : a.Gain.Pointer<TElement>(),
                Output = a.Output.Pointer<TElement>(),
                Rows = a.Rows,
                Dim = a.Dim,
                RowsPerGain = a.RowsPerGain,
                RowsPerBlock = rowsPerBlock,
                GainOffset = a.GainOffset,
                Epsilon = a.Epsilon,
            });
        }
    }
}
