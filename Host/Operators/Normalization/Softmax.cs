using GpuTransformer.Kernels;

namespace GpuTransformer.Host;

public static partial class Operators
{
    /// <summary>y = exp(x) / Σ exp(x) over the last axis, computed so that nothing overflows.</summary>
    /// <param name="input">[…, dim], finite.</param>
    /// <returns>A tensor of the input's shape and data type; each row sums to one.</returns>
    /// <exception cref="ArgumentException">A device or data type does not fit; nothing was launched.</exception>
    public static Tensor Softmax(Tensor input)
    {
        Arguments.CheckRows(input);
        Tensor output = Tensor.Empty(input.Device, input.Shape, input.DType);
        if (output.Shape.Count > 0)
            SoftmaxOperator.Definition.Run(input.Device, new SoftmaxArguments(input, output));
        if (input.Device.Records(input))
            Record(input, output);
        return output;

        static void Record(Tensor input, Tensor output)
            => input.Device.Record(output, gradient => GradientTape.Accumulate(input, SoftmaxBackward(gradient, output)), output);
    }
}

/// <summary>What a Softmax variant is given.</summary>
internal readonly record struct SoftmaxArguments(Tensor Input, Tensor Output)
{
    public int Dim => Input.Shape[^1];

    public int Rows => GainRows.RowCount(Input);
}

/// <summary>Softmax in the catalogue.</summary>
internal static partial class SoftmaxOperator
{
    public static readonly OperatorDefinition<SoftmaxArguments> Definition = new(
        "Softmax",
        "y = exp(x − max) / Σ exp(x − max)",
        [
            new("Vectorized", VariantKind.Vectorized, "SIMD, some rows per block", static (device, a) => ElementDispatch.Launch<Vectorized, SoftmaxArguments>(device, a, a.Input.DType)),
            new(
                "Portable",
                VariantKind.Portable,
                "64 threads per row, three passes",
                static (device, a) => ElementDispatch.Launch<Portable, SoftmaxArguments>(device, a, a.Input.DType)),
        ]);

    private readonly struct Portable : IElementLaunch<SoftmaxArguments>
    {
        public static void Launch<TElement>(ComputeDevice device, SoftmaxArguments a)
            where TElement : unmanaged, IElement<TElement>
            => device.Launch(SoftmaxPortable<TElement>.Kernel, a.Rows, SoftmaxPortable<TElement>.GroupSize, new SoftmaxPortable<TElement>
            {
                Input = a.Input.View<TElement>(),
                Output = a.Output.View<TElement>(),
                Dim = a.Dim,
            });
    }

    private readonly unsafe struct Vectorized : IElementLaunch<SoftmaxArguments>
    {
        public static void Launch<TElement>(ComputeDevice device, SoftmaxArguments a)
            where TElement : unmanaged, IElement<TElement>
        {
            int rowsPerBlock = VectorizedBlocks.RowsPerBlock(device, a.Rows, a.Dim);
            device.Launch((a.Rows + rowsPerBlock - 1) / rowsPerBlock, new SoftmaxVectorized<TElement>
            {
                Input = a.Input.Pointer<TElement>(),
                Output = a.Output.Pointer<TElement>(),
                Rows = a.Rows,
                Dim = a.Dim,
                RowsPerBlock = rowsPerBlock,
            });
        }
    }
}
