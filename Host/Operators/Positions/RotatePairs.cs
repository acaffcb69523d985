using GpuTransformer.Kernels;

namespace GpuTransformer.Host;

public static partial class Operators
{
    /// <summary>
    /// Rotates pairs of neighbouring columns of each head by angles that the rows' positions decide: with (c, s) the pair's entry of the table,
    /// y₀ = x₀ · c − x₁ · s and y₁ = x₁ · c + x₀ · s. Columns behind those of the table are copied. This is rotary position embedding.
    /// </summary>
    /// <param name="input">[batch, sequence, heads · width]</param>
    /// <param name="table">
    /// float32 [1 or batch, sequence, rotated]: cosine and sine of each pair, one behind the other, times what the pair shall be scaled with; rotated is even
    /// and at most the width of a head. No gradient flows to it.
    /// </param>
    /// <param name="heads">How many heads lie side by side.</param>
    /// <param name="firstHead">The first head that is rotated; those before it are copied.</param>
    /// <returns>[batch, sequence, heads · width], of the input's data type.</returns>
    /// <exception cref="ArgumentException">A shape, device, data type or number does not fit; nothing was launched.</exception>
    /// <remarks>Su et al. 2021, "RoFormer".</remarks>
    public static Tensor RotatePairs(Tensor input, Tensor table, int heads, int firstHead = 0)
    {
        RotatePairsOperator.Check(input, table, heads, firstHead);
        Tensor output = RotatePairsOperator.Run(input, table, heads, firstHead, 1);
        if (input.Device.Records(input))
            Record(input, table, heads, firstHead, output);
        return output;

        static void Record(Tensor input, Tensor table, int heads, int firstHead, Tensor output)
            => input.Device.Record(
                output, gradient => GradientTape.Accumulate(input, RotatePairsOperator.Run(gradient, table, heads, firstHead, -1)), input);
    }
}

/// <summary>What a RotatePairs variant is given.</summary>
[Operator("RotatePairs", "y₀ = x₀ c − x₁ s, y₁ = x₁ c + x₀ s for pairs of columns, or back")]
[Variant(typeof(RotatePairsVectorized<>), "SIMD, some rows per block")]
[Variant(typeof(RotatePairsPortable<>), "one thread per pair")]
internal readonly partial record struct RotatePairsArguments(Tensor Input, Tensor Table, Tensor Output, RotationShape Shape)
{
    public int RowsPerBlock(ComputeDevice device) => VectorizedBlocks.RowsPerBlock(device, Shape.Rows, Shape.Heads * Shape.Width);
}

/// <summary>What the callers of RotatePairs share.</summary>
internal static class RotatePairsOperator
{
    public static void Check(Tensor input, Tensor table, int heads, int firstHead)
    {
        (int batch, int sequence, int width) = Sequences.Check(input, nameof(input));
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(heads);
        if (width % heads != 0)
            throw Arguments.Wrong(nameof(heads), $"is {heads}, but the {width} columns of the input {input.Shape} are no multiple of it.");
        if (firstHead < 0 || firstHead > heads)
            throw Arguments.Wrong(nameof(firstHead), $"is {firstHead}, but there are {heads} heads: only 0 to {heads} is valid.");
        Arguments.Check(input.Device, table, DType.Float32);
        Shape shape = table.Shape;
        if (shape.Rank != 3 || (shape[0] != 1 && shape[0] != batch) || shape[1] != sequence || shape[2] % 2 != 0 || shape[2] > width / heads)
        {
            throw Arguments.Wrong(
                nameof(table),
                $"has shape {shape}, but {heads} heads of the input {input.Shape} need [1 or {batch}, {sequence}, an even number up to {width / heads}].");
        }
    }

    public static Tensor Run(Tensor input, Tensor table, int heads, int firstHead, int sign)
    {
        Tensor output = Tensor.Empty(input.Device, input.Shape, input.DType);
        if (output.Shape.Count > 0)
            RotatePairsArguments.Definition.Run(input.Device, new RotatePairsArguments(input, table, output, Shape(input, table, heads, firstHead, sign)));
        return output;
    }

    public static RotationShape Shape(Tensor input, Tensor table, int heads, int firstHead, int sign) => new()
    {
        Rows = checked(input.Shape[0] * input.Shape[1]),
        TableRows = checked(table.Shape[0] * table.Shape[1]),
        Heads = heads,
        Width = input.Shape[2] / heads,
        Rotated = table.Shape[2],
        FirstHead = firstHead,
        Sign = sign,
    };
}
