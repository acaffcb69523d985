using GpuTransformer.Host;

namespace GpuTransformer.Validation;

/// <summary>The validation sweep of GatedLinearUnit.</summary>
internal static class GatedLinearUnitCases
{
    public static readonly OperatorSweep Sweep = OperatorSweep.Of(GatedLinearUnitArguments.Definition, Cases);

    /// <summary>What the sweeps of forward and backward run over; a clamp of 0 is none.</summary>
    internal static readonly (int Rows, int Inner, Activation Activation, bool Multiplied, float ValueClamp, float GateClamp,
        ValidationSize Size)[] Configurations =
    [
        (1, 1, Activation.Gelu, false, 0f, 0f, ValidationSize.Tiny),
        (3, 17, Activation.Silu, true, 0f, 0f, ValidationSize.Tiny),
        (2, 80, Activation.Sigmoid, true, 2f, 1.5f, ValidationSize.Tiny),
        (5, 40, Activation.Tanh, false, 0f, 3f, ValidationSize.Tiny),
        (64, 256, Activation.Gelu, false, 0f, 0f, ValidationSize.Quick),
        (17, 443, Activation.ReluSquared, true, 2f, 0f, ValidationSize.Quick),
        (40, 1023, Activation.Relu, false, 0f, 0f, ValidationSize.Quick),
        (1023, 443, Activation.Gelu, true, 15f, 15f, ValidationSize.Full),
    ];

    private static IEnumerable<ValidationCase<GatedLinearUnitArguments>> Cases(int seed)
        => from dtype in ElementwiseCases.DTypes
           from c in Configurations
           select Case(seed, dtype, c.Rows, c.Inner, c.Activation, c.Multiplied, c.ValueClamp, c.GateClamp, c.Size);

    private static ValidationCase<GatedLinearUnitArguments> Case(
        int seed, DType dtype, int rows, int inner, Activation activation, bool multiplied, float valueClamp, float gateClamp, ValidationSize size)
    {
        var data = new CaseData(CaseData.Seed(seed, rows, inner), dtype);
        float[] input = data.Uniform(rows * 2 * inner, 4f), multiplier = multiplied ? data.Uniform(inner) : [];
        return new ValidationCase<GatedLinearUnitArguments>(
            Describe(rows, inner, activation, multiplied, valueClamp, gateClamp, dtype),
            size,
            dtype,
            device => new GatedLinearUnitArguments(
                Tensor.From(device, [rows, 2 * inner], input, dtype),
                multiplied ? Tensor.From(device, [inner], multiplier, dtype) : null,
                Tensor.Empty(device, [rows, inner], dtype),
                activation,
                valueClamp,
                gateClamp),
            static arguments => [("output", arguments.Output)],
            () =>
            [
                data.Expect(
                    "output",
                    GatedLinearUnitReference.Forward(
                        CaseData.Convert<double>(input), CaseData.Convert<double>(multiplier), inner, (int)activation, valueClamp, gateClamp),
                    GatedLinearUnitReference.Forward(input, multiplier, inner, (int)activation, valueClamp, gateClamp)),
            ]);
    }

    internal static string Describe(int rows, int inner, Activation activation, bool multiplied, float valueClamp, float gateClamp, DType dtype)
        => $"{rows}x{inner} "
            + $"{activation}{(multiplied ? " multiplier" : string.Empty)}{(valueClamp > 0f ? $" value clamp {valueClamp}" : string.Empty)}"
            + $"{(gateClamp > 0f ? $" gate clamp {gateClamp}" : string.Empty)} {dtype}";
}
