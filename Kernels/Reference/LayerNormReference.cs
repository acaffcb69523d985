using System.Numerics;

namespace GpuTransformer.Kernels.Reference;

/// <summary>Layer normalisation, one row at a time, as the formula reads.</summary>
internal static class LayerNormReference
{
    /// <summary>y = (x − mean) / sqrt(var + ε) · (gain + offset), var being the biased variance.</summary>
    /// <param name="input">[rows, dim]</param>
    /// <param name="gain">[groups, dim], row r reading group r / (rows / groups); or empty for a gain of one</param>
    /// <param name="rows">How many vectors there are.</param>
    /// <param name="dim">The width of one vector.</param>
    /// <param name="gainOffset">Added to the stored gain: 1 where gains are stored minus one.</param>
    /// <param name="epsilon">Added to the variance.</param>
    public static T[] Forward<T>(T[] input, T[] gain, int rows, int dim, double gainOffset, double epsilon)
        where T : IFloatingPointIeee754<T>
    {
        var output = new T[input.Length];
        T count = T.CreateChecked(dim), offset = T.CreateChecked(gainOffset), eps = T.CreateChecked(epsilon);
        int rowsPerGroup = gain.Length == 0 ? rows : rows / (gain.Length / dim);
        for (int r = 0; r < rows; r++)
        {
            ReadOnlySpan<T> x = input.AsSpan(r * dim, dim);
            T mean = T.Zero, variance = T.Zero;
            foreach (T value in x) mean += value;
            mean /= count;
            foreach (T value in x) variance += (value - mean) * (value - mean);
            T scale = T.One / T.Sqrt(variance / count + eps);
            for (int c = 0; c < dim; c++)
            {
                T g = gain.Length == 0 ? T.One : gain[r / rowsPerGroup * dim + c] + offset;
                output[r * dim + c] = (x[c] - mean) * scale * g;
            }
        }

        return output;
    }
}
