using System.Numerics;

namespace GpuTransformer.Validation;

/// <summary>Sums over rows, as the gradients of gains, shifts and biases need them.</summary>
internal static class SumRowsReference
{
    /// <summary>output[g, c] = Σ left[r, c] · right[r, c] over the rows r of group g.</summary>
    /// <param name="left">[rows, dim]</param>
    /// <param name="right">[rows, dim], or empty for ones</param>
    /// <param name="groups">How many groups of consecutive rows there are.</param>
    /// <param name="dim">The width of a row.</param>
    public static T[] Forward<T>(T[] left, T[] right, int groups, int dim)
        where T : IFloatingPointIeee754<T>
    {
        var output = new T[groups * dim];
        int rowsPerGroup = left.Length / dim / groups;
        for (int i = 0; i < left.Length; i++)
            output[i / dim / rowsPerGroup * dim + i % dim] += left[i] * (right.Length == 0 ? T.One : right[i]);
        return output;
    }

    /// <summary>Each row summed to one number where the stored vector is one number; the rows as they are where it is not.</summary>
    public static T[] Collapse<T>(T[] sums, int dim, bool toOne)
        where T : IFloatingPointIeee754<T>
    {
        if (!toOne)
            return sums;
        var output = new T[sums.Length / dim];
        for (int i = 0; i < sums.Length; i++)
            output[i / dim] += sums[i];
        return output;
    }
}
