using GpuTransformer.Kernels;

namespace GpuTransformer.Host;

/// <summary>
/// One vector for each group of rows: the gain of a normalisation, a scale, a shift. Shapes: [dim], one vector for all rows; [1], one number;
/// [groups, dim], where the rows divide evenly into groups; or null.
/// </summary>
/// <param name="Values">What is stored, or null.</param>
/// <param name="Rows">How many rows the input has.</param>
/// <param name="Columns">The last axis of the values: the input's width, or 1.</param>
/// <param name="Offset">Added to what is stored.</param>
/// <param name="IfAbsent">What stands for null: 1 for a factor, 0 for a shift.</param>
internal readonly record struct GainRows(Tensor? Values, int Rows, int Columns, float Offset, float IfAbsent)
{
    /// <summary>How many vectors there are.</summary>
    public int Groups => Values is null ? 1 : checked((int)(Values.Shape.Count / Columns));

    /// <summary>How many consecutive rows share a vector.</summary>
    public int RowsPerGain => Math.Max(1, Rows / Groups);

    /// <summary>Checks that the values fit the input.</summary>
    /// <exception cref="ArgumentException">They do not.</exception>
    public static GainRows Check(Tensor input, Tensor? values, string name, float offset = 0f, float ifAbsent = 1f)
    {
        int dim = input.Shape[^1], rows = RowCount(input);
        if (values is null)
            return new GainRows(null, rows, dim, offset, ifAbsent);
        Arguments.Check(input.Device, values, input.DType, name);
        bool isNumber = values.Shape == [1] || values.Shape.Rank == 0;
        bool fits = isNumber
            || (values.Shape.Rank > 0 && values.Shape[^1] == dim && (rows == 0 || (values.Shape.Count > 0 && rows % (values.Shape.Count / dim) == 0)));
        if (!fits)
            throw Arguments.Wrong(
                name, $"has shape {values.Shape}, but the input {input.Shape} needs [{dim}], [1], or one row of {dim} for each group of rows.");
        return new GainRows(values, rows, isNumber ? 1 : dim, offset, ifAbsent);
    }

    /// <summary>The number of rows of the input's last axis; zero where the tensor is empty.</summary>
    public static int RowCount(Tensor input) => input.Shape.Count == 0 ? 0 : checked((int)(input.Shape.Count / input.Shape[^1]));

    /// <summary>As a Portable kernel reads them.</summary>
    public GainRowsPortable<TElement> Portable<TElement>()
        where TElement : unmanaged, IElement<TElement>
        => new() { Values = Values?.View<TElement>() ?? default, RowsPerGain = RowsPerGain, Columns = Columns, Offset = Offset, IfAbsent = IfAbsent };

    /// <summary>As a Vectorized kernel reads them.</summary>
    public unsafe GainRowsVectorized<TElement> Vectorized<TElement>()
        where TElement : unmanaged, IElement<TElement>
        => new()
        {
            Values = Values is null ? null : Values.Pointer<TElement>(), RowsPerGain = RowsPerGain, Columns = Columns, Offset = Offset, IfAbsent = IfAbsent,
        };
}
