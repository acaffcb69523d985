using GpuTransformer.Kernels;
using System.Numerics;

namespace GpuTransformer.Validation;

/// <summary>Matrix multiplication with its epilogue, one output element at a time.</summary>
internal static class MatrixMultiplyReference
{
    /// <summary>C = (mask ? act(op(A) op(B) + bias) : 0) + residual.</summary>
    /// <param name="left">A: [m, k], or [k, m] where <paramref name="transposeLeft"/></param>
    /// <param name="right">B: [k, n], or [n, k] where <paramref name="transposeRight"/></param>
    /// <param name="m">Rows of C.</param>
    /// <param name="n">Columns of C.</param>
    /// <param name="k">The inner width.</param>
    /// <param name="transposeLeft">Whether op(A) is Aᵀ.</param>
    /// <param name="transposeRight">Whether op(B) is Bᵀ.</param>
    /// <param name="bias">[n] or null</param>
    /// <param name="activation">See <see cref="ActivationCode"/>.</param>
    /// <param name="rowMask">[m] or null</param>
    /// <param name="residual">[m, n] or null</param>
    public static T[] Forward<T>(
        T[] left, T[] right, int m, int n, int k, bool transposeLeft, bool transposeRight, T[]? bias, int activation, bool[]? rowMask, T[]? residual)
        where T : IFloatingPointIeee754<T>
    {
        var output = new T[m * n];
        for (int i = 0; i < m; i++)
        {
            for (int j = 0; j < n; j++)
            {
                T sum = T.Zero;
                for (int l = 0; l < k; l++)
                    sum += left[transposeLeft ? l * m + i : i * k + l] * right[transposeRight ? j * k + l : l * n + j];
                T value = ActivationReference.Apply(activation, sum + (bias is null ? T.Zero : bias[j]));
                if (rowMask is not null && !rowMask[i])
                    value = T.Zero;
                output[i * n + j] = value + (residual is null ? T.Zero : residual[i * n + j]);
            }
        }

        return output;
    }
}
