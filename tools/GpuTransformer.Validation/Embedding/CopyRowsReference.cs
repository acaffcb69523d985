using System.Numerics;

namespace GpuTransformer.Validation;

/// <summary>Copying rows, one at a time.</summary>
internal static class CopyRowsReference
{
    /// <summary>Output row i is scale · input row sources[i], or zero where that is negative.</summary>
    public static T[] Forward<T>(T[] input, int[] sources, int dim, double scale)
        where T : IFloatingPointIeee754<T>
    {
        var output = new T[sources.Length * dim];
        for (int i = 0; i < output.Length; i++)
        {
            int source = sources[i / dim];
            output[i] = source < 0 ? T.Zero : T.CreateChecked(scale) * input[source * dim + i % dim];
        }

        return output;
    }
}
