using GpuTransformer.Kernels;

namespace GpuTransformer.Host;

public static partial class Operators
{
    /// <summary>The gradient of <see cref="Softmax"/>: dx = y · (dy − Σ dy·y) over the last axis.</summary>
    /// <param name="outputGradient">dy […, dim]</param>
    /// <param name="output">y, what the forward returned.</param>
    /// <returns>dx, of their shape and data type.</returns>
    /// <exception cref="ArgumentException">A shape, device or data type does not fit; nothing was launched.</exception>
    public static Tensor SoftmaxBackward(Tensor outputGradient, Tensor output)
    {
        Arguments.CheckRows(outputGradient);
        Elementwise.CheckPair(outputGradient, output, nameof(outputGradient), nameof(output));
        Tensor inputGradient = Tensor.Empty(output.Device, output.Shape, output.DType);
        if (output.Shape.Count > 0)
            SoftmaxBackwardOperator.Definition.Run(output.Device, new SoftmaxBackwardArguments(outputGradient, output, inputGradient));
        return inputGradient;
    }
}

/// <summary>What a SoftmaxBackward variant is given.</summary>
internal readonly record struct SoftmaxBackwardArguments(Tensor OutputGradient, Tensor Output, Tensor InputGradient)
{
    public int Dim => Output.Shape[^1];

    public int Rows => GainRows.RowCount(Output);
}

/// <summary>SoftmaxBackward in the catalogue.</summary>
internal static partial class SoftmaxBackwardOperator
{
    public static readonly OperatorDefinition<SoftmaxBackwardArguments> Definition = new(
        "SoftmaxBackward",
        "dx = y (dy − Σ dy y)",
        [
            new("Vectorized", VariantKind.Vectorized, "SIMD, some rows per block", static (device, a) => ElementDispatch.Launch<Vectorized, SoftmaxBackwardArguments>(device, a, a.Output.DType)),
            new(
                "Portable",
                VariantKind.Portable,
                "64 threads per row, two passes",
                static (device, a) => ElementDispatch.Launch<Portable, SoftmaxBackwardArguments>(device, a, a.Output.DType)),
        ]);

    private readonly struct Portable : IElementLaunch<SoftmaxBackwardArguments>
    {
        public static void Launch<TElement>(ComputeDevice device, SoftmaxBackwardArguments a)
            where TElement : unmanaged, IElement<TElement>
            => device.Launch(SoftmaxBackwardPortable<TElement>.Kernel, a.Rows, SoftmaxBackwardPortable<TElement>.GroupSize, new SoftmaxBackwardPortable<TElement>
            {
                OutputGradient = a.OutputGradient.View<TElement>(),
                Output = a.Output.View<TElement>(),
                InputGradient = a.InputGradient.View<TElement>(),
                Dim = a.Dim,
            });
    }

    private readonly unsafe struct Vectorized : IElementLaunch<SoftmaxBackwardArguments>
    {
        public static void Launch<TElement>(ComputeDevice device, SoftmaxBackwardArguments a)
            where TElement : unmanaged, IElement<TElement>
        {
            int rowsPerBlock = VectorizedBlocks.RowsPerBlock(device, a.Rows, a.Dim);
            device.Launch((a.Rows + rowsPerBlock - 1) / rowsPerBlock, new SoftmaxBackwardVectorized<TElement>
            {
                OutputGradient = a.OutputGradient.Pointer<TElement>(),
                Output = a.Output.Pointer<TElement>(),
                InputGradient = a.InputGradient.Pointer<TElement>(),
                Rows = a.Rows,
                Dim = a.Dim,
                RowsPerBlock = rowsPerBlock,
            });
        }
    }
}
