using GpuTransformer.Host;

namespace GpuTransformer.Modules;

/// <summary>
/// Fixed positions (Vaswani et al. 2017): the first half of the features is sin(p · 10000^(−2i/width)), the second half the cosine. On a grid the first half of
/// the features encodes the row, the second half the column (as masked autoencoders use it).
/// </summary>
public static class SineCosinePositions
{
    /// <summary>The table of a line of <paramref name="count"/> positions: [count, dim], row-major.</summary>
    /// <param name="count">Positions.</param>
    /// <param name="dim">Even.</param>
    public static float[] Line(int count, int dim)
    {
        CheckWidth(dim, 2);
        var table = new float[count * dim];
        for (int p = 0; p < count; p++)
            Encode(p, table.AsSpan(p * dim, dim));
        return table;
    }

    /// <summary>The table of a grid: [rows · columns, dim], row-major.</summary>
    /// <param name="rows">Rows of the grid.</param>
    /// <param name="columns">Columns of the grid.</param>
    /// <param name="dim">A multiple of four.</param>
    public static float[] Grid(int rows, int columns, int dim)
    {
        CheckWidth(dim, 4);
        var table = new float[rows * columns * dim];
        for (int p = 0; p < rows * columns; p++)
        {
            Encode(p / columns, table.AsSpan(p * dim, dim / 2));
            Encode(p % columns, table.AsSpan(p * dim + dim / 2, dim / 2));
        }

        return table;
    }

    private static void Encode(int position, Span<float> target)
    {
        int half = target.Length / 2;
        for (int i = 0; i < half; i++)
        {
            double angle = position * Math.Pow(10000, -(double)i / half);
            target[i] = (float)Math.Sin(angle);
            target[half + i] = (float)Math.Cos(angle);
        }
    }

    private static void CheckWidth(int dim, int multiple)
    {
        if (dim < multiple || dim % multiple != 0)
            throw new ArgumentOutOfRangeException(nameof(dim), dim, $"The width must be a positive multiple of {multiple}.");
    }
}
