using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using ILGPU;

namespace GpuTransformer.Kernels;

/// <summary>
/// One vector for each group of rows (a gain, a scale, a shift), as a GPU thread reads it. A normalisation's gain is one vector for all rows; conditioned on
/// a class or a diffusion step it is one per sample.
/// </summary>
internal struct GainRowsPortable<TElement>
    where TElement : unmanaged, IElement<TElement>
{
    public ArrayView<TElement> Values; // [rows / RowsPerGain, Columns], or empty for none
    public int RowsPerGain;
    public int Columns; // the rows' width, or 1 for one number per row
    public float Offset; // added to what is stored: 1 where gains are stored minus one
    public float IfAbsent; // what is read where nothing is stored

    /// <summary>The value for one element.</summary>
    public static float Read(GainRowsPortable<TElement> gain, int row, int column)
    {
        float value = gain.IfAbsent;
        if (gain.Values.Length > 0)
        {
            long start = (long)(row / gain.RowsPerGain) * gain.Columns;
            value = TElement.ToSingle(gain.Values[start + (gain.Columns == 1 ? 0 : column)]) + gain.Offset;
        }

        return value;
    }
}

/// <summary>One vector for each group of rows, for SIMD; the fields are those of <see cref="GainRowsPortable{TElement}"/>.</summary>
internal unsafe struct GainRowsVectorized<TElement>
    where TElement : unmanaged, IElement<TElement>
{
    public TElement* Values; // [rows / RowsPerGain, Columns], or null for none
    public int RowsPerGain;
    public int Columns;
    public float Offset;
    public float IfAbsent;

    /// <summary>What row <paramref name="row"/> is multiplied with, or has added.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public readonly GainRow<TElement> Row(int row)
        => Values == null
            ? new GainRow<TElement>(null, 0, IfAbsent)
            : new GainRow<TElement>(Values + (long)(row / RowsPerGain) * Columns, Columns, Offset);
}

/// <summary>The vector of one row.</summary>
internal readonly unsafe struct GainRow<TElement>(TElement* values, int columns, float constant)
    where TElement : unmanaged, IElement<TElement>
{
    /// <summary>Sixteen values from <paramref name="column"/> on, or the <paramref name="count"/> that the row has left.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector512<float> Load(int column, int count)
    {
        Vector512<float> added = Vector512.Create(constant);
        if (columns == 0)
            return added;
        return added + (columns == 1 ? Vector512.Create(TElement.ToSingle(*values)) : ElementVector.Load(values + column, count));
    }
}
