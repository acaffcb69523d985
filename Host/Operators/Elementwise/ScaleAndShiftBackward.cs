namespace GpuTransformer.Host;

public static partial class Operators
{
    /// <summary>
    /// The gradients of <see cref="ScaleAndShift"/>: dx = dy · (scale + offset), dscale = Σ dy · x and dshift = Σ dy over the rows that share a vector.
    /// </summary>
    /// <param name="outputGradient">dy, of the input's shape and data type.</param>
    /// <param name="input">As in the forward.</param>
    /// <param name="scale">As in the forward.</param>
    /// <param name="shift">As in the forward.</param>
    /// <param name="scaleOffset">As in the forward.</param>
    /// <param name="wantsScale">Whether the scale's gradient is computed.</param>
    /// <param name="wantsShift">Whether the shift's gradient is computed.</param>
    /// <returns>The gradients of the input and, where wanted and there, of scale and shift.</returns>
    /// <exception cref="ArgumentException">A shape, device or data type does not fit; nothing was launched.</exception>
    public static (Tensor InputGradient, Tensor? ScaleGradient, Tensor? ShiftGradient) ScaleAndShiftBackward(
        Tensor outputGradient, Tensor input, Tensor? scale, Tensor? shift, float scaleOffset = 0f, bool wantsScale = true, bool wantsShift = true)
    {
        Elementwise.CheckPair(input, outputGradient, nameof(input), nameof(outputGradient));
        Arguments.CheckRows(input);
        GainRows scales = GainRows.Check(input, scale, nameof(scale), scaleOffset), shifts = GainRows.Check(input, shift, nameof(shift), ifAbsent: 0f);
        return (
            ScaleAndShift(outputGradient, scale, null, scaleOffset),
            wantsScale ? GainGradient.Of(scales, outputGradient, input) : null,
            wantsShift ? GainGradient.Of(shifts, outputGradient, null) : null);
    }
}

/// <summary>What the gradients of gains and shifts share.</summary>
internal static class GainGradient
{
    /// <summary>
    /// The gradient of a vector for each group of rows: Σ dy · right over the rows that share it, of the vector's own shape; null where there is none.
    /// </summary>
    public static Tensor? Of(GainRows gain, Tensor outputGradient, Tensor? right)
    {
        if (gain.Values is not { } values)
            return null;
        if (outputGradient.Shape.Count == 0)
            return Tensor.Zeros(values.Device, values.Shape, values.DType);
        Tensor gradient = Tensor.Empty(values.Device, values.Shape, values.DType);
        SumRowsArguments arguments = SumRowsArguments.Create(outputGradient, right, null, gradient, gain.Groups, gain.Columns);
        SumRowsArguments.Definition.Run(values.Device, arguments);
        arguments.Partial.Dispose();
        return gradient;
    }
}
