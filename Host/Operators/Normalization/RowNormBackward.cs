using GpuTransformer.Kernels;

namespace GpuTransformer.Host;

/// <summary>What a variant of a normalisation's gradient is given.</summary>
/// <param name="OutputGradient">dy […, dim]</param>
/// <param name="Input">x […, dim]</param>
/// <param name="Gain">What the normalised rows were multiplied with.</param>
/// <param name="InputGradient">dx, written.</param>
/// <param name="GainSum">
/// The sum over rows that gives the gain's gradient, from the statistics that the first kernel writes; or null where it is not wanted.
/// </param>
/// <param name="Epsilon">As in the forward.</param>
[Launches(typeof(RowNormBackwardVectorized<,>)), Launches(typeof(RowNormBackwardPortable<,>))]
internal readonly partial record struct RowNormBackwardArguments<TNormalization>(
    Tensor OutputGradient, Tensor Input, GainRows Gain, Tensor InputGradient, SumRowsArguments? GainSum, float Epsilon)
    where TNormalization : unmanaged, INormalization
{
    public int Dim => Input.Shape[^1];

    public int Rows => Gain.Rows;

    public Tensor? Statistics => GainSum?.Statistics;

    public int RowsPerBlock(ComputeDevice device) => VectorizedBlocks.RowsPerBlock(device, Rows, Dim);

    /// <summary>Allocates the results and, where the gain's gradient is wanted, the scratch.</summary>
    public static RowNormBackwardArguments<TNormalization> Create(Tensor outputGradient, Tensor input, GainRows gain, float epsilon, bool wantsGain)
    {
        SumRowsArguments? gainSum = null;
        if (wantsGain && gain.Values is { } values)
        {
            Tensor statistics = Tensor.Empty(input.Device, [gain.Rows, 2]);
            gainSum = SumRowsArguments.Create(
                outputGradient, input, statistics, Tensor.Empty(input.Device, values.Shape, input.DType), gain.Groups, gain.Columns);
        }

        return new RowNormBackwardArguments<TNormalization>(outputGradient, input, gain, Tensor.Empty(input.Device, input.Shape, input.DType), gainSum,
            epsilon);
    }

    internal static void LaunchPortable(ComputeDevice device, RowNormBackwardArguments<TNormalization> a)
    {
        LaunchRowNormBackwardPortable(device, a);
        if (a.GainSum is { } sum)
            SumRowsArguments.LaunchPortable(device, sum);
    }

    internal static void LaunchVectorized(ComputeDevice device, RowNormBackwardArguments<TNormalization> a)
    {
        LaunchRowNormBackwardVectorized(device, a);
        if (a.GainSum is { } sum)
            SumRowsArguments.LaunchVectorized(device, sum);
    }
}

/// <summary>What the gradients of the normalisations share.</summary>
internal static class RowNormBackwardOperator<TNormalization>
    where TNormalization : unmanaged, INormalization
{
    /// <summary>The gradient of a normalisation in the catalogue.</summary>
    public static OperatorDefinition<RowNormBackwardArguments<TNormalization>> Define(string name, string formula) => new(
        name,
        formula,
        [
            new(
                "Vectorized",
                VariantKind.Vectorized,
                "SIMD, some rows per block; the gain's gradient in two stages",
                RowNormBackwardArguments<TNormalization>.LaunchVectorized),
            new(
                "Portable",
                VariantKind.Portable,
                "64 threads per row; the gain's gradient in two stages",
                RowNormBackwardArguments<TNormalization>.LaunchPortable),
        ]);

    /// <summary>Checks the arguments, allocates the results and launches.</summary>
    public static (Tensor InputGradient, Tensor? GainGradient) Run(
        OperatorDefinition<RowNormBackwardArguments<TNormalization>> definition,
        Tensor outputGradient,
        Tensor input,
        Tensor? gain,
        float gainOffset,
        float epsilon,
        bool wantsGain)
    {
        ArgumentNullException.ThrowIfNull(input);
        Arguments.CheckRows(input);
        Elementwise.CheckPair(input, outputGradient, nameof(input), nameof(outputGradient));
        GainRows rows = GainRows.Check(input, gain, nameof(gain), gainOffset);
        if (input.Shape.Count == 0)
            return (
                Tensor.Empty(input.Device, input.Shape, input.DType),
                wantsGain && gain is not null ? Tensor.Zeros(input.Device, gain.Shape, gain.DType) : null);
        RowNormBackwardArguments<TNormalization> arguments = RowNormBackwardArguments<TNormalization>.Create(outputGradient, input, rows, epsilon, wantsGain);
        definition.Run(input.Device, arguments);
        arguments.GainSum?.Partial.Dispose();
        arguments.GainSum?.Statistics?.Dispose();
        return (arguments.InputGradient, arguments.GainSum?.Output);
    }
}
