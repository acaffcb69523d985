namespace GpuTransformer.Modules;

/// <summary>A <see cref="ViTransformerWrapper"/> without its stack. Names and defaults are x-transformers'.</summary>
public sealed record ViTransformerWrapperOptions
{
    /// <summary>Height and width of an image in pixels; a multiple of <see cref="PatchSize"/>.</summary>
    public required int ImageSize { get; init; }

    /// <summary>Height and width of a patch in pixels.</summary>
    public required int PatchSize { get; init; }

    /// <summary>Numbers per pixel.</summary>
    public int Channels { get; init; } = 3;

    /// <summary>How many classes; null for none: the output is the mean token.</summary>
    public int? NumClasses { get; init; }

    /// <summary>A LayerNorm after the positions are added.</summary>
    public bool PostEmbNorm { get; init; }

    /// <summary>Learned tokens put behind the patches and taken away after the stack (Darcet et al. 2024).</summary>
    public int NumRegisterTokens { get; init; }

    /// <summary>Dropout on the embedded patches, in training only.</summary>
    public float EmbDropout { get; init; }

    internal int Patches => ImageSize / PatchSize * (ImageSize / PatchSize);

    internal void Validate()
    {
        OptionChecks.Positive(ImageSize, nameof(ImageSize));
        OptionChecks.Positive(PatchSize, nameof(PatchSize));
        OptionChecks.Positive(Channels, nameof(Channels));
        OptionChecks.Positive(NumClasses ?? 1, nameof(NumClasses));
        OptionChecks.NotNegative(NumRegisterTokens, nameof(NumRegisterTokens));
        OptionChecks.Probability(EmbDropout, nameof(EmbDropout));
        if (ImageSize % PatchSize != 0)
            throw new ArgumentException($"ImageSize = {ImageSize} is not a multiple of PatchSize = {PatchSize}.", nameof(PatchSize));
        OptionChecks.Product(ImageSize / PatchSize, ImageSize / PatchSize, "the number of patches, (ImageSize / PatchSize)²,", nameof(ImageSize));
        PatchEmbedding.CheckPatch(PatchSize, Channels);
    }
}
