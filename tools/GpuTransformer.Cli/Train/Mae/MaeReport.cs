namespace GpuTransformer.Cli.Train.Mae;

/// <summary>What <c>train mae</c> came to, all errors being means over the hidden pixels of images that training never saw.</summary>
internal sealed record MaeReport : TrainingReport
{
    /// <summary>The model's squared error.</summary>
    public double MaskedMse { get; init; }

    /// <summary>The least that any predictor can have, for the very masks drawn; null where it is not known.</summary>
    public double? Optimum { get; init; }

    /// <summary>By which part the model's error is larger.</summary>
    public double? AboveOptimum { get; init; }

    /// <summary>The error of copying the nearest visible pixel.</summary>
    public double NearestPixel { get; init; }

    /// <summary>The error of predicting the mean of all pixels.</summary>
    public double Mean { get; init; }

    /// <inheritdoc/>
    public override string Summary => Optimum is null
        ? FormattableString.Invariant($"masked error {MaskedMse:f4}; nearest visible pixel {NearestPixel:f4}, mean {Mean:f4}")
        : string.Create(
            System.Globalization.CultureInfo.InvariantCulture,
            $"masked error {MaskedMse:f4}; the optimum for these masks {Optimum:f4} ({AboveOptimum:p1} above it); "
            + $"nearest visible pixel {NearestPixel:f4}, mean {Mean:f4}");
}
