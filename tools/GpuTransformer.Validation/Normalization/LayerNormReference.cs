using System.Numerics;

namespace GpuTransformer.Validation;

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

    /// <summary>
    /// The gradients of <see cref="Forward"/>: with x̂ the normalised row and g = dy · (gain + offset),
    /// dx = (g − mean(g) − x̂ · mean(g · x̂)) / sqrt(var + ε) and dgain = Σ dy · x̂ over the rows of a group.
    /// </summary>
    /// <param name="outputGradient">dy [rows, dim]</param>
    /// <param name="input">x [rows, dim]</param>
    /// <param name="gain">As for <see cref="Forward"/>.</param>
    /// <param name="rows">How many vectors there are.</param>
    /// <param name="dim">The width of one vector.</param>
    /// <param name="gainOffset">As for <see cref="Forward"/>.</param>
    /// <param name="epsilon">As for <see cref="Forward"/>.</param>
    public static (T[] Input, T[] Gain) Backward<T>(T[] outputGradient, T[] input, T[] gain, int rows, int dim, double gainOffset, double epsilon)
        where T : IFloatingPointIeee754<T>
    {
        var inputGradient = new T[input.Length];
        T[] normalized = Forward(input, [], rows, dim, gainOffset, epsilon);
        T count = T.CreateChecked(dim), eps = T.CreateChecked(epsilon);
        for (int r = 0; r < rows; r++)
        {
            T mean = T.Zero, variance = T.Zero, sum = T.Zero, product = T.Zero;
            for (int c = r * dim; c < (r + 1) * dim; c++)
                mean += input[c] / count;
            for (int c = r * dim; c < (r + 1) * dim; c++)
                variance += (input[c] - mean) * (input[c] - mean) / count;
            for (int c = r * dim; c < (r + 1) * dim; c++)
            {
                sum += outputGradient[c] * GainOf(gain, rows, dim, c, gainOffset);
                product += outputGradient[c] * GainOf(gain, rows, dim, c, gainOffset) * normalized[c];
            }

            for (int c = r * dim; c < (r + 1) * dim; c++)
            {
                T g = outputGradient[c] * GainOf(gain, rows, dim, c, gainOffset);
                inputGradient[c] = (g - sum / count - normalized[c] * product / count) / T.Sqrt(variance + eps);
            }
        }

        return (inputGradient, SumRowsReference.Forward(outputGradient, normalized, Math.Max(1, gain.Length / dim), dim));
    }

    private static T GainOf<T>(T[] gain, int rows, int dim, int element, double gainOffset)
        where T : IFloatingPointIeee754<T>
        => gain.Length == 0 ? T.One : gain[element / dim / (rows / (gain.Length / dim)) * dim + element % dim] + T.CreateChecked(gainOffset);
}
