using GpuTransformer.Kernels;

namespace GpuTransformer.Host;

public static partial class Operators
{
    /// <summary>The numbers of an axis in order, and where each was; equal ones stay in their order, and NaN is above all, as PyTorch has it.</summary>
    /// <param name="input">Real numbers.</param>
    /// <param name="axis">The axis; a negative one is counted from the end.</param>
    /// <param name="descending">Whether the largest come first.</param>
    /// <returns>Both of the input's shape: the values, of its data type and recorded, and the indices, Int64.</returns>
    /// <exception cref="ArgumentException">The data type does not fit or there is no such axis; nothing was launched.</exception>
    /// <remarks>On a GPU the time grows with the square of the axis's length: what it is for are rows of some thousands.</remarks>
    public static (Tensor Values, Tensor Indices) Sort(Tensor input, int axis = -1, bool descending = false)
    {
        ArgumentNullException.ThrowIfNull(input);
        Arguments.CheckFloating(input.Device, input);
        var rows = AxisRows.Of(input.Shape, axis, nameof(axis));
        return RankArguments.First(input, rows, rows.Length, descending);
    }

    /// <summary>The largest numbers of an axis, in order, and where each was; of equal ones the first.</summary>
    /// <param name="input">Real numbers.</param>
    /// <param name="count">How many, at most the axis's length.</param>
    /// <param name="axis">The axis; a negative one is counted from the end.</param>
    /// <param name="largest">false for the smallest.</param>
    /// <returns>The axis is <paramref name="count"/> long: the values, of the input's data type and recorded, and the indices, Int64.</returns>
    /// <inheritdoc cref="Sort"/>
    public static (Tensor Values, Tensor Indices) TopK(Tensor input, int count, int axis = -1, bool largest = true)
    {
        ArgumentNullException.ThrowIfNull(input);
        Arguments.CheckFloating(input.Device, input);
        var rows = AxisRows.Of(input.Shape, axis, nameof(axis));
        if (count < 0 || count > rows.Length)
            throw Arguments.Wrong(nameof(count), $"is {count}, but axis {rows.Axis} of {input.Shape} has {rows.Length}.");
        return RankArguments.First(input, rows, count, largest);
    }
}

/// <summary>
/// What a Rank variant is given: input: float32 [outer, length, inner]; values: float32 [outer, count, inner]; indices: Int64 [outer, count, inner].
/// </summary>
[Operator("Rank", "the first numbers of each row in order, and where they were")]
[Variant(typeof(RankVectorized), "a sort of keys and places, a row per block")]
[Variant(typeof(RankPortable), "each thread counts what comes before its number")]
internal readonly partial record struct RankArguments(Tensor Input, Tensor Values, Tensor Indices, int Rows, int Length, int Count, int Inner, bool Descending)
{
    /// <summary>The first numbers of each row, recorded.</summary>
    public static (Tensor Values, Tensor Indices) First(Tensor input, AxisRows rows, int count, bool descending)
    {
        Shape shape = rows.With(input.Shape, count);
        Tensor wide = Tensor.Empty(input.Device, shape), indices = Tensor.Empty(input.Device, shape, DType.Int64);
        if (shape.Count > 0)
            Definition.Run(input.Device, new RankArguments(AxisRows.Wide(input), wide, indices, rows.Rows, rows.Length, count, rows.Inner, descending));
        Tensor values = AxisRows.Narrow(wide, input.DType);
        if (input.Device.Records(input))
            Record(input, rows.Axis, indices, values);
        return (values, indices);

        static void Record(Tensor input, int axis, Tensor indices, Tensor values) => input.Device.Record(
            values,
            gradient => GradientTape.Accumulate(
                input, ScatterAxisArguments.Add(Tensor.Zeros(input.Device, input.Shape, gradient.DType), axis, indices, gradient)),
            indices);
    }

    internal static void LaunchVectorized(ComputeDevice device, RankArguments a)
    {
        using Tensor scratch = Tensor.Empty(device, [a.Rows, a.Length], DType.Int64);
        Sorted(device, a, scratch);
    }

    private static unsafe void Sorted(ComputeDevice device, RankArguments a, Tensor scratch) => device.Launch(a.Rows, new RankVectorized
    {
        Input = a.Input.Pointer<float>(),
        Values = a.Values.Pointer<float>(),
        Indices = a.Indices.Pointer<long>(),
        Scratch = scratch.Pointer<long>(),
        Length = a.Length,
        Count = a.Count,
        Inner = a.Inner,
        Descending = a.Descending ? 1 : 0,
    });
}
