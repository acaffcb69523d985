using System.Numerics;

namespace GpuTransformer.Validation;

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

    /// <summary>
    /// The gradients of <see cref="Forward"/>: with g = dy · (gain + offset) and s = sqrt(dim) / ‖x‖, dx = s · (g − x · (g·x) / ‖x‖²), or s · g where ε took
    /// the place of the norm; dgain = Σ dy · s · x over the rows of a group.
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
        T eps = T.CreateChecked(epsilon);
        int rowsPerGroup = gain.Length == 0 ? rows : rows / (gain.Length / dim);
        for (int r = 0; r < rows; r++)
        {
            T squares = T.Zero, product = T.Zero;
            var g = new T[dim];
            for (int c = 0; c < dim; c++)
            {
                T x = input[r * dim + c];
                g[c] = outputGradient[r * dim + c] * (gain.Length == 0 ? T.One : gain[r / rowsPerGroup * dim + c] + T.CreateChecked(gainOffset));
                squares += x * x;
                product += g[c] * x;
            }

            bool isConstant = T.Sqrt(squares) < eps;
            T scale = T.Sqrt(T.CreateChecked(dim)) / T.Max(T.Sqrt(squares), eps);
            for (int c = 0; c < dim; c++)
                inputGradient[r * dim + c] = scale * (g[c] - (isConstant ? T.Zero : input[r * dim + c] * product / squares));
        }

        return (inputGradient, SumRowsReference.Forward(outputGradient, normalized, Math.Max(1, gain.Length / dim), dim));
    }
}
