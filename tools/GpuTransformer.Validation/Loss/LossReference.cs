using System.Numerics;

namespace GpuTransformer.Validation;

/// <summary>The losses, one row at a time, as the formulas read.</summary>
internal static class LossReference
{
    /// <summary>Per row: −Σ_c y_c ln softmax(x)_c with y = (1 − s) [c = target] + s / classes; zero for the ignored target. And each row's maximum and
    /// ln Σ e^(x − max). Classes that nobody wants count for nothing; a row that is −∞ everywhere gives ∞.</summary>
    public static (T[] Loss, T[] Normalizer) CrossEntropy<T>(T[] logits, int[] targets, int classes, int ignoreIndex, double smoothing)
        where T : IFloatingPointIeee754<T>
    {
        var loss = new T[targets.Length];
        var normalizer = new T[2 * targets.Length];
        for (int row = 0; row < targets.Length; row++)
        {
            ReadOnlySpan<T> x = logits.AsSpan(row * classes, classes);
            (T largest, T logSum) = Normalizer(x);
            (normalizer[2 * row], normalizer[2 * row + 1]) = (largest, logSum);
            if (targets[row] == ignoreIndex)
                continue;
            for (int c = 0; c < classes; c++)
            {
                T wanted = Wanted<T>(c, targets[row], classes, smoothing);
                loss[row] -= wanted == T.Zero ? T.Zero : wanted * (x[c] - largest - (T.IsFinite(logSum) ? logSum : T.Zero));
            }
        }

        return (loss, normalizer);
    }

    /// <summary>(softmax(x) − y) · scale per row; zero for the ignored target.</summary>
    public static T[] CrossEntropyGradient<T>(T[] logits, int[] targets, int classes, int ignoreIndex, double smoothing, T scale)
        where T : IFloatingPointIeee754<T>
    {
        var gradient = new T[logits.Length];
        for (int row = 0; row < targets.Length; row++)
        {
            if (targets[row] == ignoreIndex)
                continue;
            ReadOnlySpan<T> x = logits.AsSpan(row * classes, classes);
            (T largest, T logSum) = Normalizer(x);
            for (int c = 0; c < classes; c++)
            {
                T probability = T.IsNegativeInfinity(x[c]) ? T.Zero : T.Exp(x[c] - largest - logSum);
                gradient[row * classes + c] = (probability - Wanted<T>(c, targets[row], classes, smoothing)) * scale;
            }
        }

        return gradient;
    }

    /// <summary>Per row: the mean of f(prediction − target); zero where masked out.</summary>
    public static T[] Row<T>(T[] prediction, T[] target, bool[] mask, int dim, Func<double, double> function)
        where T : IFloatingPointIeee754<T>
    {
        var loss = new T[mask.Length];
        for (int row = 0; row < mask.Length; row++)
        {
            for (int c = 0; mask[row] && c < dim; c++)
                loss[row] += T.CreateChecked(function(double.CreateChecked(prediction[row * dim + c] - target[row * dim + c])));
            loss[row] /= T.CreateChecked(dim);
        }

        return loss;
    }

    /// <summary>f′(prediction − target) / dim · scale; zero where masked out.</summary>
    public static T[] RowGradient<T>(T[] prediction, T[] target, bool[] mask, int dim, T scale, Func<double, double> derivative)
        where T : IFloatingPointIeee754<T>
    {
        var gradient = new T[prediction.Length];
        for (int i = 0; i < gradient.Length; i++)
            gradient[i] = mask[i / dim] ? T.CreateChecked(derivative(double.CreateChecked(prediction[i] - target[i]))) / T.CreateChecked(dim) * scale : T.Zero;
        return gradient;
    }

    private static (T Largest, T LogSum) Normalizer<T>(ReadOnlySpan<T> x)
        where T : IFloatingPointIeee754<T>
    {
        T largest = x[0], sum = T.Zero;
        foreach (T value in x)
            largest = T.Max(largest, value);
        if (T.IsNegativeInfinity(largest))
            largest = T.Zero;
        foreach (T value in x)
            sum += T.Exp(value - largest);
        return (largest, T.Log(sum));
    }

    private static T Wanted<T>(int c, int target, int classes, double smoothing)
        where T : IFloatingPointIeee754<T>
        => T.CreateChecked(smoothing / classes + (c == target ? 1 - smoothing : 0));
}
