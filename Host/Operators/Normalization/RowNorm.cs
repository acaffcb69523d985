using GpuTransformer.Kernels;

namespace GpuTransformer.Host;

/// <summary>What a variant of a normalisation is given.</summary>
internal readonly record struct RowNormArguments(Tensor Input, GainRows Gain, Tensor Output, float Epsilon)
{
    public int Dim => Input.Shape[^1];

    public int Rows => Gain.Rows;
}

/// <summary>What the normalisations share: the two variants of the one kernel, specialised for <typeparamref name="TNormalization"/>.</summary>
internal static class RowNormOperator<TNormalization>
    where TNormalization : unmanaged, INormalization
{
    /// <summary>A normalisation in the catalogue.</summary>
    public static OperatorDefinition<RowNormArguments> Define(string name, string formula) => new(
        name,
        formula,
        [
            new(
                "Vectorized",
                VariantKind.Vectorized,
                "SIMD, some rows per block",
                static (device, a) => ElementDispatch.Launch<Vectorized, RowNormArguments>(device, a, a.Input.DType)),
            new(
                "Portable",
                VariantKind.Portable,
                "64 threads per row, one pass for each statistic",
                static (device, a) => ElementDispatch.Launch<Portable, RowNormArguments>(device, a, a.Input.DType)),
        ]);

    /// <summary>Checks the arguments, allocates the result and launches.</summary>
    public static Tensor Run(OperatorDefinition<RowNormArguments> definition, Tensor input, Tensor? gain, float gainOffset, float epsilon)
    {
        ArgumentNullException.ThrowIfNull(input);
        Arguments.CheckRows(input);
        if (!(epsilon >= 0f) || !float.IsFinite(epsilon))
            throw Arguments.Wrong(nameof(epsilon), $"is {epsilon}, but must be zero or a positive, finite number.");
        GainRows rows = GainRows.Check(input, gain, nameof(gain), gainOffset);
        Tensor output = Tensor.Empty(input.Device, input.Shape, input.DType);
        if (output.Shape.Count > 0)
            definition.Run(input.Device, new RowNormArguments(input, rows, output, epsilon));
        return output;
    }

    private readonly struct Portable : IElementLaunch<RowNormArguments>
    {
        public static void Launch<TElement>(ComputeDevice device, RowNormArguments a)
            where TElement : unmanaged, IElement<TElement>
            => device.Launch(
                RowNormPortable<TElement, TNormalization>.Kernel,
                a.Rows,
                RowNormPortable<TElement, TNormalization>.GroupSize,
                new RowNormPortable<TElement, TNormalization>
                {
                    Input = a.Input.View<TElement>(),
                    Gain = a.Gain.Portable<TElement>(),
                    Output = a.Output.View<TElement>(),
                    Dim = a.Dim,
                    Epsilon = a.Epsilon,
                });
    }

    private readonly unsafe struct Vectorized : IElementLaunch<RowNormArguments>
    {
        public static void Launch<TElement>(ComputeDevice device, RowNormArguments a)
            where TElement : unmanaged, IElement<TElement>
        {
            int rowsPerBlock = VectorizedBlocks.RowsPerBlock(device, a.Rows, a.Dim);
            device.Launch((a.Rows + rowsPerBlock - 1) / rowsPerBlock, new RowNormVectorized<TElement, TNormalization>
            {
                Input = a.Input.Pointer<TElement>(),
                Gain = a.Gain.Vectorized<TElement>(),
                Output = a.Output.Pointer<TElement>(),
                Rows = a.Rows,
                Dim = a.Dim,
                RowsPerBlock = rowsPerBlock,
                Epsilon = a.Epsilon,
            });
        }
    }
}
