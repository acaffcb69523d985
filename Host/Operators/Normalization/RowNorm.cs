using GpuTransformer.Kernels;

namespace GpuTransformer.Host;

/// <summary>What a variant of a normalisation is given.</summary>
[Launches(typeof(RowNormVectorized<,>)), Launches(typeof(RowNormPortable<,>))]
internal readonly partial record struct RowNormArguments<TNormalization>(Tensor Input, GainRows Gain, Tensor Output, float Epsilon)
    where TNormalization : unmanaged, INormalization
{
    public int Dim => Input.Shape[^1];

    public int Rows => Gain.Rows;

    public int RowsPerBlock(ComputeDevice device) => VectorizedBlocks.RowsPerBlock(device, Rows, Dim);
}

/// <summary>What the normalisations share: the two variants of the one kernel, specialised for <typeparamref name="TNormalization"/>.</summary>
internal static class RowNormOperator<TNormalization>
    where TNormalization : unmanaged, INormalization
{
    /// <summary>A normalisation in the catalogue.</summary>
    public static OperatorDefinition<RowNormArguments<TNormalization>> Define(string name, string formula) => new(
        name,
        formula,
        [
            new("Vectorized", VariantKind.Vectorized, "SIMD, some rows per block", RowNormArguments<TNormalization>.LaunchRowNormVectorized),
            new(
                "Portable", VariantKind.Portable, "64 threads per row, one pass for each statistic", RowNormArguments<TNormalization>.LaunchRowNormPortable),
        ]);

    /// <summary>Checks the arguments, allocates the result and launches.</summary>
    public static Tensor Run(OperatorDefinition<RowNormArguments<TNormalization>> definition, Tensor input, Tensor? gain, float gainOffset, float epsilon)
    {
        ArgumentNullException.ThrowIfNull(input);
        Arguments.CheckRows(input);
        if (!(epsilon >= 0f) || !float.IsFinite(epsilon))
            throw Arguments.Wrong(nameof(epsilon), $"is {epsilon}, but must be zero or a positive, finite number.");
        GainRows rows = GainRows.Check(input, gain, nameof(gain), gainOffset);
        Tensor output = Tensor.Empty(input.Device, input.Shape, input.DType);
        if (output.Shape.Count > 0)
            definition.Run(input.Device, new RowNormArguments<TNormalization>(input, rows, output, epsilon));
        return output;
    }
}
