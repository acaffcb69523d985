namespace GpuTransformer.Cli.Train.Data;

/// <summary>The little dense linear algebra that the closed-form optimum needs, in float64.</summary>
internal static class DenseMatrix
{
    /// <summary>The lower triangular L with L Lᵀ = <paramref name="matrix"/>.</summary>
    /// <param name="matrix">[n, n], symmetric positive definite; the lower triangle is read.</param>
    /// <param name="n">Rows.</param>
    /// <exception cref="ArgumentException">The matrix is not positive definite.</exception>
    public static double[] Cholesky(ReadOnlySpan<double> matrix, int n)
    {
        var lower = new double[n * n];
        for (int i = 0; i < n; i++)
        {
            for (int j = 0; j <= i; j++)
            {
                double sum = matrix[i * n + j];
                for (int k = 0; k < j; k++)
                    sum -= lower[i * n + k] * lower[j * n + k];
                if (i != j)
                    lower[i * n + j] = sum / lower[j * n + j];
                else if (sum > 0)
                    lower[i * n + i] = Math.Sqrt(sum);
                else
                    throw new ArgumentException($"The matrix is not positive definite: pivot {i} is {sum}.", nameof(matrix));
            }
        }

        return lower;
    }

    /// <summary>Replaces b by L⁻¹ b.</summary>
    public static void SolveLower(ReadOnlySpan<double> lower, int n, Span<double> b)
    {
        for (int i = 0; i < n; i++)
        {
            double sum = b[i];
            for (int k = 0; k < i; k++)
                sum -= lower[i * n + k] * b[k];
            b[i] = sum / lower[i * n + i];
        }
    }
}
