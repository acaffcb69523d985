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
internal readonly record struct RowNormBackwardArguments(
    Tensor OutputGradient, Tensor Input, GainRows Gain, Tensor InputGradient, SumRowsArguments? GainSum, float Epsilon)
{
    public int Dim => Input.Shape[^1];

    public int Rows => Gain.Rows;

    /// <summary>Allocates the results and, where the gain's gradient is wanted, the scratch.</summary>
    public static RowNormBackwardArguments Create(Tensor outputGradient, Tensor input, GainRows gain, float epsilon, bool wantsGain)
    {
        SumRowsArguments? gainSum = null;
        if (wantsGain && gain.Values is { } values)
        {
            Tensor statistics = Tensor.Empty(input.Device, [gain.Rows, 2]);
            gainSum = SumRowsArguments.Create(
                outputGradient, input, statistics, Tensor.Empty(input.Device, values.Shape, input.DType), gain.Groups, gain.Columns);
        }

        return new RowNormBackwardArguments(outputGradient, input, gain, Tensor.Empty(input.Device, input.Shape, input.DType), gainSum, epsilon);
    }
}

/// <summary>What the gradients of the normalisations share.</summary>
internal static class RowNormBackwardOperator<TNormalization>
    where TNormalization : unmanaged, INormalization
{
    /// <summary>The gradient of a normalisation in the catalogue.</summary>
    public static OperatorDefinition<RowNormBackwardArguments> Define(string name, string formula) => new(
        name,
        formula,
        [
            new(
                "Vectorized",
                VariantKind.Vectorized,
                "SIMD, some rows per block; the gain's gradient in two stages",
                static (device, a) => ElementDispatch.Launch<Vectorized, RowNormBackwardArguments>(device, a, a.Input.DType)),
            new(
                "Portable",
                VariantKind.Portable,
                "64 threads per row; the gain's gradient in two stages",
                static (device, a) => ElementDispatch.Launch<Portable, RowNormBackwardArguments>(device, a, a.Input.DType)),
        ]);

    /// <summary>Checks the arguments, allocates the results and launches.</summary>
    public static (Tensor InputGradient, Tensor? GainGradient) Run(
        OperatorDefinition<RowNormBackwardArguments> definition,
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
        RowNormBackwardArguments arguments = RowNormBackwardArguments.Create(outputGradient, input, rows, epsilon, wantsGain);
        definition.Run(input.Device, arguments);
        arguments.GainSum?.Partial.Dispose();
        arguments.GainSum?.Statistics?.Dispose();
        return (arguments.InputGradient, arguments.GainSum?.Output);
    }

    private readonly struct Portable : IElementLaunch<RowNormBackwardArguments>
    {
        public static void Launch<TElement>(ComputeDevice device, RowNormBackwardArguments a)
            where TElement : unmanaged, IElement<TElement>
        {
            device.Launch(
                RowNormBackwardPortable<TElement, TNormalization>.Kernel,
                a.Rows,
                RowNormBackwardPortable<TElement, TNormalization>.GroupSize,
                new RowNormBackwardPortable<TElement, TNormalization>
                {
                    OutputGradient = a.OutputGradient.View<TElement>(),
                    Input = a.Input.View<TElement>(),
                    Gain = a.Gain.Portable<TElement>(),
                    InputGradient = a.InputGradient.View<TElement>(),
                    Statistics = a.GainSum?.Statistics?.View<float>() ?? default,
                    Dim = a.Dim,
                    Epsilon = a.Epsilon,
                });
            if (a.GainSum is { } gainSum)
                SumRowsOperator.Portable.Launch<TElement>(device, gainSum);
        }
    }

    private readonly unsafe struct Vectorized : IElementLaunch<RowNormBackwardArguments>
    {
        public static void Launch<TElement>(ComputeDevice device, RowNormBackwardArguments a)
            where TElement : unmanaged, IElement<TElement>
        {
            int rowsPerBlock = VectorizedBlocks.RowsPerBlock(device, a.Rows, a.Dim);
            device.Launch((a.Rows + rowsPerBlock - 1) / rowsPerBlock, new RowNormBackwardVectorized<TElement, TNormalization>
            {
                OutputGradient = a.OutputGradient.Pointer<TElement>(),
                Input = a.Input.Pointer<TElement>(),
                Gain = a.Gain.Vectorized<TElement>(),
                InputGradient = a.InputGradient.Pointer<TElement>(),
                Statistics = a.GainSum?.Statistics is { } statistics ? statistics.Pointer<float>() : null,
                Rows = a.Rows,
                Dim = a.Dim,
                RowsPerBlock = rowsPerBlock,
                Epsilon = a.Epsilon,
            });
            if (a.GainSum is { } gainSum)
                SumRowsOperator.Vectorized.Launch<TElement>(device, gainSum);
        }
    }
}
