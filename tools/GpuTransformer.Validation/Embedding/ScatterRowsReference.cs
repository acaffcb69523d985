using System.Numerics;

namespace GpuTransformer.Validation;

/// <summary>The gradient of a lookup, one row at a time.</summary>
internal static class ScatterRowsReference
{
    /// <summary>Output row targets[r] receives scale · input row r, none where negative; rows that receive several hold their sum.</summary>
    public static T[] Forward<T>(T[] input, int[] targets, int outputRows, int dim, double scale)
        where T : IFloatingPointIeee754<T>
    {
        var output = new T[outputRows * dim];
        for (int i = 0; i < input.Length; i++)
        {
            if (targets[i / dim] >= 0)
                output[targets[i / dim] * dim + i % dim] += T.CreateChecked(scale) * input[i];
        }

        return output;
    }
}
