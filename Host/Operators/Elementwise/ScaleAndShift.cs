using GpuTransformer.Kernels;

namespace GpuTransformer.Host;

public static partial class Operators
{
    /// <summary>y = x · (scale + <paramref name="scaleOffset"/>) + shift over the last axis.</summary>
    /// <param name="input">[…, dim]</param>
    /// <param name="scale">[dim]; [1]; [groups, dim] where the rows divide evenly into groups; or null for a scale of one.</param>
    /// <param name="shift">A shape as for <paramref name="scale"/>, not necessarily the same; or null for none.</param>
    /// <param name="scaleOffset">Added to the stored scale: 1 where scales are stored minus one.</param>
    /// <returns>A tensor of the input's shape and data type.</returns>
    /// <exception cref="ArgumentException">A shape, device or data type does not fit; nothing was launched.</exception>
    public static Tensor ScaleAndShift(Tensor input, Tensor? scale, Tensor? shift, float scaleOffset = 0f)
    {
        Arguments.CheckRows(input);
        GainRows scales = GainRows.Check(input, scale, nameof(scale), scaleOffset), shifts = GainRows.Check(input, shift, nameof(shift), ifAbsent: 0f);
        Tensor output = Tensor.Empty(input.Device, input.Shape, input.DType);
        if (output.Shape.Count > 0)
            ScaleAndShiftArguments.Definition.Run(input.Device, new ScaleAndShiftArguments(input, scales, shifts, output));
        if (input.Device.Records(input, scale, shift))
            Record(input, scale, shift, scaleOffset, output);
        return output;

        static void Record(Tensor input, Tensor? scale, Tensor? shift, float scaleOffset, Tensor output)
            => input.Device.Record(output, gradient =>
            {
                (Tensor inputGradient, Tensor? scaleGradient, Tensor? shiftGradient) = ScaleAndShiftBackward(
                    gradient, input, scale, shift, scaleOffset, GradientTape.Wants(scale), GradientTape.Wants(shift));
                GradientTape.Accumulate(input, inputGradient);
                if (scaleGradient is not null)
                    GradientTape.Accumulate(scale!, scaleGradient);
                if (shiftGradient is not null)
                    GradientTape.Accumulate(shift!, shiftGradient);
            }, GradientTape.Wants(scale) ? input : null, GradientTape.Wants(input) ? scale : null);
    }
}

/// <summary>What a ScaleAndShift variant is given.</summary>
[Operator("ScaleAndShift", "y = x · (scale + offset) + shift")]
[Variant(typeof(ScaleAndShiftVectorized<>), "SIMD, some rows per block")]
[Variant(typeof(ScaleAndShiftPortable<>), "one thread per element")]
internal readonly partial record struct ScaleAndShiftArguments(Tensor Input, GainRows Scale, GainRows Shift, Tensor Output)
{
    public int Dim => Input.Shape[^1];

    public int Rows => Scale.Rows;

    public int RowsPerBlock(ComputeDevice device) => VectorizedBlocks.RowsPerBlock(device, Rows, Dim);
}
