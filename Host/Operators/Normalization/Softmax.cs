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
            SoftmaxArguments.Definition.Run(input.Device, new SoftmaxArguments(input, output));
        if (input.Device.Records(input))
            Record(input, output);
        return output;

        static void Record(Tensor input, Tensor output)
            => input.Device.Record(output, gradient => GradientTape.Accumulate(input, SoftmaxBackward(gradient, output)), output);
    }
}

/// <summary>What a Softmax variant is given.</summary>
[Operator("Softmax", "y = exp(x − max) / Σ exp(x − max)")]
[Variant(typeof(SoftmaxVectorized<>), "SIMD, some rows per block")]
[Variant(typeof(SoftmaxPortable<>), "64 threads per row, three passes")]
internal readonly partial record struct SoftmaxArguments(Tensor Input, Tensor Output)
{
    public int Dim => Input.Shape[^1];

    public int Rows => GainRows.RowCount(Input);

    public int RowsPerBlock(ComputeDevice device) => VectorizedBlocks.RowsPerBlock(device, Rows, Dim);
}
