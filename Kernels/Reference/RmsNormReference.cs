using System.Numerics;

namespace GpuTransformer.Kernels.Reference;

/// <summary>Root mean square normalisation, one row at a time, as the formula reads.</summary>
internal static class RmsNormReference
{
    /// <summary>y = x / max(‖x‖, ε) · sqrt(dim) · (gain + offset).</summary>
    /// <param name="input">[rows, dim]</param>
    /// <param name="gain">[groups, dim], row r reading group r / (rows / groups); or empty for a gain of one</param>
    /// <param name="rows">How many vectors there are.</param>
    /// <param name="dim">The width of one vector.</param>
    /// <param name="gainOffset">Added to the stored gain: 1 where gains are stored minus one.</param>
    /// <param name="epsilon">The least that the norm counts as.</param>
    public static T[] Forward<T>(T[] input, T[] gain, int rows, int dim, double gainOffset, double epsilon)
        where T : IFloatingPointIeee754<T>
    {
        var output = new T[input.Length];
        T offset = T.CreateChecked(gainOffset), eps = T.CreateChecked(epsilon);
        int rowsPerGroup = gain.Length == 0 ? rows : rows / (gain.Length / dim);
        for (int r = 0; r < rows; r++)
        {
            T squares = T.Zero;
            for (int c = 0; c < dim; c++)
                squares += input[r * dim + c] * input[r * dim + c];
            T scale = T.Sqrt(T.CreateChecked(dim)) / T.Max(T.Sqrt(squares), eps);
            for (int c = 0; c < dim; c++)
            {
                T g = gain.Length == 0 ? T.One : gain[r / rowsPerGroup * dim + c] + offset;
                output[r * dim + c] = input[r * dim + c] * scale * g;
            }
        }

        return output;
    }
}
