using GpuTransformer.Kernels;

namespace GpuTransformer.Host;

public static partial class Operators
{
    /// <summary>
    /// y = clamp(value) · f(clamp(gate)) · multiplier, the first half of the last axis being the value and the second half the gate; clamp(x) = c · tanh(x / c)
    /// where c is given and x where it is not.
    /// </summary>
    /// <param name="input">[…, 2 · inner]</param>
    /// <param name="activation">f.</param>
    /// <param name="multiplier">[inner], or null for none.</param>
    /// <param name="valueClamp">The limit of the soft clamp on the values, or null for none.</param>
    /// <param name="gateClamp">The limit of the soft clamp on the gates, or null for none.</param>
    /// <returns>[…, inner], of the input's data type.</returns>
    /// <exception cref="ArgumentException">A shape, device or data type does not fit, or a limit is not positive; nothing was launched.</exception>
    /// <remarks>Shazeer 2020, "GLU variants improve transformer".</remarks>
    public static Tensor GatedLinearUnit(Tensor input, Activation activation, Tensor? multiplier = null, float? valueClamp = null, float? gateClamp = null)
    {
        GatedLinearUnitOperator.Check(input, activation, multiplier, valueClamp, gateClamp);
        Tensor output = Tensor.Empty(input.Device, input.Shape.WithLast(input.Shape[^1] / 2), input.DType);
        if (output.Shape.Count > 0)
            GatedLinearUnitArguments.Definition.Run(
                input.Device, new GatedLinearUnitArguments(input, multiplier, output, activation, valueClamp ?? 0f, gateClamp ?? 0f));
        if (input.Device.Records(input, multiplier))
            Record(input, activation, multiplier, valueClamp, gateClamp, output);
        return output;

        static void Record(Tensor input, Activation activation, Tensor? multiplier, float? valueClamp, float? gateClamp, Tensor output)
            => input.Device.Record(output, gradient =>
            {
                (Tensor inputGradient, Tensor? multiplierGradient) = GatedLinearUnitBackward(
                    gradient, input, activation, multiplier, valueClamp, gateClamp, GradientTape.Wants(multiplier));
                GradientTape.Accumulate(input, inputGradient);
                if (multiplierGradient is not null)
                    GradientTape.Accumulate(multiplier!, multiplierGradient);
            }, input, GradientTape.Wants(input) ? multiplier : null);
    }
}

/// <summary>What a variant of the gated linear unit is given; a clamp of 0 is none.</summary>
[Operator("GatedLinearUnit", "y = clamp(value) · f(clamp(gate)) · multiplier")]
[Variant(typeof(GatedLinearUnitVectorized<>), "SIMD, some rows per block")]
[Variant(typeof(GatedLinearUnitPortable<>), "one thread per output element")]
internal readonly partial record struct GatedLinearUnitArguments(
    Tensor Input, Tensor? Multiplier, Tensor Output, Activation Activation, float ValueClamp, float GateClamp)
{
    public int Inner => Output.Shape[^1];

    public int Rows => GainRows.RowCount(Output);

    public int RowsPerBlock(ComputeDevice device) => VectorizedBlocks.RowsPerBlock(device, Rows, Inner);
}

/// <summary>What the callers of the gated linear unit share.</summary>
internal static partial class GatedLinearUnitOperator
{
    /// <summary>Checks the arguments that forward and backward share.</summary>
    public static void Check(Tensor input, Activation activation, Tensor? multiplier, float? valueClamp, float? gateClamp)
    {
        Arguments.CheckRows(input);
        ActivateOperator.CheckDefined(activation, nameof(activation));
        if (input.Shape[^1] % 2 != 0)
            throw Arguments.Wrong(nameof(input), $"has shape {input.Shape}, but its last axis must be even: half of it is the value and half is the gate.");
        if (multiplier is not null)
        {
            Arguments.Check(input.Device, multiplier, input.DType);
            Arguments.CheckShape(multiplier, [input.Shape[^1] / 2], $"the input {input.Shape}");
        }

        if (valueClamp is { } valueLimit)
            SoftClampOperator.CheckLimit(valueLimit, nameof(valueClamp));
        if (gateClamp is { } gateLimit)
            SoftClampOperator.CheckLimit(gateLimit, nameof(gateClamp));
    }
}
