using System.Numerics;

namespace GpuTransformer.Validation;

/// <summary>Scaling and shifting rows, as the formula reads.</summary>
internal static class ScaleAndShiftReference
{
    /// <summary>y = x · (scale + offset) + shift.</summary>
    /// <param name="input">[rows, dim]</param>
    /// <param name="scale">[groups, dim], row r reading group r / (rows / groups); or empty for a scale of one</param>
    /// <param name="shift">[groups, dim] likewise, or empty for none</param>
    /// <param name="rows">How many vectors there are.</param>
    /// <param name="dim">The width of one vector.</param>
    /// <param name="scaleOffset">Added to the stored scale.</param>
    public static T[] Forward<T>(T[] input, T[] scale, T[] shift, int rows, int dim, double scaleOffset)
        where T : IFloatingPointIeee754<T>
    {
        var output = new T[input.Length];
        for (int r = 0; r < rows; r++)
        {
            for (int c = 0; c < dim; c++)
            {
                T factor = scale.Length == 0 ? T.One : scale[r / (rows / (scale.Length / dim)) * dim + c] + T.CreateChecked(scaleOffset);
                T added = shift.Length == 0 ? T.Zero : shift[r / (rows / (shift.Length / dim)) * dim + c];
                output[r * dim + c] = input[r * dim + c] * factor + added;
            }
        }

        return output;
    }
}
