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
        GainRows scales = GainRows.Check(input, scale, nameof(scale), scaleOffset), shifts = GainRows.Check(input, shift, nameof(shift), none: 0f);
        Tensor output = Tensor.Empty(input.Device, input.Shape, input.DType);
        if (output.Shape.Count > 0)
            ScaleAndShiftOperator.Definition.Run(input.Device, new ScaleAndShiftArguments(input, scales, shifts, output));
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
internal readonly record struct ScaleAndShiftArguments(Tensor Input, GainRows Scale, GainRows Shift, Tensor Output)
{
    public int Dim => Input.Shape[^1];

    public int Rows => Scale.Rows;
}

/// <summary>ScaleAndShift in the catalogue.</summary>
internal static partial class ScaleAndShiftOperator
{
    public static readonly OperatorDefinition<ScaleAndShiftArguments> Definition = new(
        "ScaleAndShift",
        "y = x · (scale + offset) + shift",
        [
            new("Vectorized", VariantKind.Vectorized, "SIMD, some rows per block", static (device, a) => ElementDispatch.Launch<Vectorized, ScaleAndShiftArguments>(device, a, a.Input.DType)),
            new(
                "Portable",
                VariantKind.Portable,
                "one thread per element",
                static (device, a) => ElementDispatch.Launch<Portable, ScaleAndShiftArguments>(device, a, a.Input.DType)),
        ]);

    private readonly struct Portable : IElementLaunch<ScaleAndShiftArguments>
    {
        public static void Launch<TElement>(ComputeDevice device, ScaleAndShiftArguments a)
            where TElement : unmanaged, IElement<TElement>
        {
            const int GroupSize = ScaleAndShiftPortable<TElement>.GroupSize;
            long groups = (long)a.Rows * ((a.Dim + GroupSize - 1) / GroupSize);
            device.Launch(ScaleAndShiftPortable<TElement>.Kernel, groups, GroupSize, new ScaleAndShiftPortable<TElement>
            {
                Input = a.Input.View<TElement>(),
                Scale = a.Scale.Portable<TElement>(),
                Shift = a.Shift.Portable<TElement>(),
                Output = a.Output.View<TElement>(),
                Dim = a.Dim,
            });
        }
    }

    private readonly unsafe struct Vectorized : IElementLaunch<ScaleAndShiftArguments>
    {
        public static void Launch<TElement>(ComputeDevice device, ScaleAndShiftArguments a)
            where TElement : unmanaged, IElement<TElement>
        {
            int rowsPerBlock = VectorizedBlocks.RowsPerBlock(device, a.Rows, a.Dim);
            device.Launch((a.Rows + rowsPerBlock - 1) / rowsPerBlock, new ScaleAndShiftVectorized<TElement>
            {
                Input = a.Input.Pointer<TElement>(),
                Scale = a.Scale.Vectorized<TElement>(),
                Shift = a.Shift.Vectorized<TElement>(),
                Output = a.Output.Pointer<TElement>(),
                Rows = a.Rows,
                Dim = a.Dim,
                RowsPerBlock = rowsPerBlock,
            });
        }
    }
}
