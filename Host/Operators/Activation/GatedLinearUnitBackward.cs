using GpuTransformer.Kernels;

namespace GpuTransformer.Host;

public static partial class Operators
{
    /// <summary>
    /// The gradients of <see cref="GatedLinearUnit"/>: with v and g the clamped value and gate, dvalue = dy · m · f(g) · v′, dgate = dy · m · v · f′(g) · g′
    /// and dmultiplier = Σ dy · v · f(g) over the rows.
    /// </summary>
    /// <param name="outputGradient">dy […, inner]</param>
    /// <param name="input">[…, 2 · inner], as in the forward.</param>
    /// <param name="activation">As in the forward.</param>
    /// <param name="multiplier">As in the forward.</param>
    /// <param name="valueClamp">As in the forward.</param>
    /// <param name="gateClamp">As in the forward.</param>
    /// <param name="wantsMultiplier">Whether the multiplier's gradient is computed; it costs a forward pass and a sum over rows.</param>
    /// <returns>The gradient of the input, and of the multiplier or null.</returns>
    /// <exception cref="ArgumentException">A shape, device or data type does not fit, or a limit is not positive; nothing was launched.</exception>
    public static (Tensor InputGradient, Tensor? MultiplierGradient) GatedLinearUnitBackward(
        Tensor outputGradient, Tensor input, Activation activation, Tensor? multiplier = null, float? valueClamp = null, float? gateClamp = null,
        bool wantsMultiplier = true)
    {
        GatedLinearUnitOperator.Check(input, activation, multiplier, valueClamp, gateClamp);
        Arguments.Check(input.Device, outputGradient, input.DType);
        Arguments.CheckShape(outputGradient, input.Shape.WithLast(input.Shape[^1] / 2), $"the input {input.Shape}");
        var arguments = GatedLinearUnitBackwardArguments.Create(
            outputGradient, input, multiplier, activation, valueClamp ?? 0f, gateClamp ?? 0f, wantsMultiplier);
        if (outputGradient.Shape.Count > 0)
            GatedLinearUnitBackwardArguments.Definition.Run(input.Device, arguments);
        if (arguments.MultiplierSum is not { } sum)
            return (arguments.InputGradient, null);
        sum.Right!.Dispose();
        sum.Partial.Dispose();
        return (arguments.InputGradient, sum.Output);
    }
}

/// <summary>What a variant of the gated linear unit's gradient is given; a clamp of 0 is none.</summary>
/// <param name="OutputGradient">dy [rows, inner]</param>
/// <param name="Input">[rows, 2 · inner]</param>
/// <param name="Multiplier">[inner] or null.</param>
/// <param name="InputGradient">[rows, 2 · inner], written.</param>
/// <param name="MultiplierSum">The sum over rows that gives the multiplier's gradient, its right side being the forward without multiplier; or null.</param>
/// <param name="Activation">f.</param>
/// <param name="ValueClamp">The limit of the values' clamp.</param>
/// <param name="GateClamp">The limit of the gates' clamp.</param>
[Operator("GatedLinearUnitBackward", "dvalue = dy m f(g) v′, dgate = dy m v f′(g) g′, dm = Σ dy v f(g)")]
[Variant(typeof(GatedLinearUnitBackwardVectorized<>), "SIMD, some rows per block")]
[Variant(typeof(GatedLinearUnitBackwardPortable<>), "one thread per value and gate")]
[Launches(typeof(GatedLinearUnitBackwardVectorized<>)), Launches(typeof(GatedLinearUnitBackwardPortable<>))]
internal readonly partial record struct GatedLinearUnitBackwardArguments(
    Tensor OutputGradient,
    Tensor Input,
    Tensor? Multiplier,
    Tensor InputGradient,
    SumRowsArguments? MultiplierSum,
    Activation Activation,
    float ValueClamp,
    float GateClamp)
{
    public int Inner => OutputGradient.Shape[^1];

    public int Rows => GainRows.RowCount(OutputGradient);

    /// <summary>The forward whose result the multiplier multiplied.</summary>
    public GatedLinearUnitArguments Unmultiplied => new(Input, null, MultiplierSum!.Value.Right!, Activation, ValueClamp, GateClamp);

    /// <summary>Allocates the results and, where the multiplier's gradient is wanted, the scratch.</summary>
    public static GatedLinearUnitBackwardArguments Create(
        Tensor outputGradient, Tensor input, Tensor? multiplier, Activation activation, float valueClamp, float gateClamp, bool wantsMultiplier)
    {
        SumRowsArguments? sum = null;
        if (wantsMultiplier && multiplier is not null)
        {
            Tensor unmultiplied = Tensor.Empty(input.Device, outputGradient.Shape, input.DType);
            sum = SumRowsArguments.Create(
                outputGradient, unmultiplied, null, Tensor.Zeros(input.Device, multiplier.Shape, input.DType), 1, multiplier.Shape[0]);
        }

        return new GatedLinearUnitBackwardArguments(
            outputGradient, input, multiplier, Tensor.Empty(input.Device, input.Shape, input.DType), sum, activation, valueClamp, gateClamp);
    }

    public int RowsPerBlock(ComputeDevice device) => VectorizedBlocks.RowsPerBlock(device, Rows, Inner);

    internal static void LaunchPortable(ComputeDevice device, GatedLinearUnitBackwardArguments a)
    {
        LaunchGatedLinearUnitBackwardPortable(device, a);
        if (a.MultiplierSum is { } sum)
        {
            GatedLinearUnitArguments.LaunchPortable(device, a.Unmultiplied);
            SumRowsArguments.LaunchPortable(device, sum);
        }
    }

    internal static void LaunchVectorized(ComputeDevice device, GatedLinearUnitBackwardArguments a)
    {
        LaunchGatedLinearUnitBackwardVectorized(device, a);
        if (a.MultiplierSum is { } sum)
        {
            GatedLinearUnitArguments.LaunchVectorized(device, a.Unmultiplied);
            SumRowsArguments.LaunchVectorized(device, sum);
        }
    }
}
