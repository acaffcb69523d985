using GpuTransformer.Host;

namespace GpuTransformer.Modules;

/// <summary>How far predicted vectors are from the right ones, in float32.</summary>
internal static class NextVectorLoss
{
    // torch's: no variance counts as smaller.
    private const float SmallestVariance = 1e-6f;

    /// <param name="predicted">[batch, sequence, dim]; of a probabilistic model means and variances [2, batch, sequence, dim].</param>
    /// <param name="target">[batch, sequence, dim]</param>
    /// <param name="mask">bool [batch, sequence]: which positions count; null for all.</param>
    /// <param name="isProbabilistic">Whether there are variances.</param>
    /// <param name="options">Which loss and which mean.</param>
    /// <returns>A float32 scalar; zero if no position counts.</returns>
    public static Tensor Of(Tensor predicted, Tensor target, Tensor? mask, bool isProbabilistic, ContinuousAutoregressiveWrapperOptions options)
    {
        (int batch, int length, int dim) = (target.Shape[0], target.Shape[1], target.Shape[2]);
        Tensor? visible = mask?.Reshape([batch, length, 1]);
        target = Only(visible, target.As(DType.Float32));

        // What is hidden is gone before anything is computed of it: so no gradient of it is a NaN either.
        Tensor Part(int index) => Only(visible, isProbabilistic ? predicted.Narrow(0, index, 1).Reshape(target.Shape) : predicted).As(DType.Float32);
        Tensor difference = Part(0) - target;
        Tensor loss = isProbabilistic ? Gaussian(difference, Part(1)) : options.UseL1Loss ? Operators.Abs(difference) : Operators.Square(difference);
        if (mask is null)
            return loss.Mean();
        loss = Only(visible, loss);
        Tensor counted = Operators.Where(mask, Tensor.From(mask.Device, [1], [1f]), 0f);
        return options.EqualLossWeightBatch
            ? (loss.Sum([1, 2]) / Operators.Maximum(counted.Sum(1), 1f)).Mean()
            : loss.Sum() / (Operators.Maximum(counted.Sum(), 1f) * dim);
    }

    // ½ (ln σ² + (x − µ)² / σ²); where the variance is held at its smallest, its gradient goes on as torch's does.
    private static Tensor Gaussian(Tensor difference, Tensor variance)
    {
        Tensor held = variance + (Operators.Maximum(variance, SmallestVariance) - variance).Detach();
        return (Operators.Log(held) + Operators.Square(difference) / held) * 0.5f;
    }

    private static Tensor Only(Tensor? visible, Tensor x) => visible is null ? x : Operators.Where(visible, x, 0f);
}
