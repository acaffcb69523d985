namespace GpuTransformer.Modules;

/// <summary>A <see cref="ContinuousAutoregressiveWrapper"/>. Names and defaults are x-transformers'.</summary>
public sealed record ContinuousAutoregressiveWrapperOptions
{
    /// <summary>The loss is |prediction − target| in place of its square; of a probabilistic model it is the Gaussian's, whatever this says.</summary>
    public bool UseL1Loss { get; init; }

    /// <summary>
    /// With a mask: each sequence counts the same, and not each position. The loss is then the sum over the channels of a position and not their mean, as in
    /// x-transformers.
    /// </summary>
    public bool EqualLossWeightBatch { get; init; }
}
