using System.Numerics;

namespace GpuTransformer.Validation;

/// <summary>Softmax over the last axis, as the formulas read.</summary>
internal static class SoftmaxReference
{
    /// <summary>y = exp(x − max) / Σ exp(x − max). A row that is −∞ everywhere hides everything, and gives zeros.</summary>
    /// <param name="input">[rows, dim]</param>
    /// <param name="dim">The width of a row.</param>
    public static T[] Forward<T>(T[] input, int dim)
        where T : IFloatingPointIeee754<T>
    {
        var output = new T[input.Length];
        for (int start = 0; start < input.Length; start += dim)
        {
            T largest = input[start], sum = T.Zero;
            for (int c = 1; c < dim; c++)
                largest = T.Max(largest, input[start + c]);
            if (T.IsNegativeInfinity(largest))
                continue;
            for (int c = 0; c < dim; c++)
                sum += T.Exp(input[start + c] - largest);
            for (int c = 0; c < dim; c++)
                output[start + c] = T.Exp(input[start + c] - largest) / sum;
        }

        return output;
    }

    /// <summary>dx = y · (dy − Σ dy·y). Where y is zero, dy counts for nothing.</summary>
    /// <param name="outputGradient">dy [rows, dim]</param>
    /// <param name="output">y [rows, dim]</param>
    /// <param name="dim">The width of a row.</param>
    public static T[] Backward<T>(T[] outputGradient, T[] output, int dim)
        where T : IFloatingPointIeee754<T>
    {
        var inputGradient = new T[output.Length];
        for (int start = 0; start < output.Length; start += dim)
        {
            T sum = T.Zero;
            for (int c = start; c < start + dim; c++)
                sum += output[c] == T.Zero ? T.Zero : outputGradient[c] * output[c];
            for (int c = start; c < start + dim; c++)
                inputGradient[c] = output[c] == T.Zero ? T.Zero : output[c] * (outputGradient[c] - sum);
        }

        return inputGradient;
    }
}
