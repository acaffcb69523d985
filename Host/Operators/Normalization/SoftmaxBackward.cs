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
            SoftmaxBackwardArguments.Definition.Run(output.Device, new SoftmaxBackwardArguments(outputGradient, output, inputGradient));
        return inputGradient;
    }
}

/// <summary>What a SoftmaxBackward variant is given.</summary>
[Operator("SoftmaxBackward", "dx = y (dy − Σ dy y)")]
[Variant(typeof(SoftmaxBackwardVectorized<>), "SIMD, some rows per block")]
[Variant(typeof(SoftmaxBackwardPortable<>), "64 threads per row, two passes")]
internal readonly partial record struct SoftmaxBackwardArguments(Tensor OutputGradient, Tensor Output, Tensor InputGradient)
{
    public int Dim => Output.Shape[^1];

    public int Rows => GainRows.RowCount(Output);

    public int RowsPerBlock(ComputeDevice device) => VectorizedBlocks.RowsPerBlock(device, Rows, Dim);
}
