namespace GpuTransformer.Modules;

/// <summary>A <see cref="ViTransformerWrapper"/> without its stack. Names and defaults are x-transformers'.</summary>
public sealed record ViTransformerWrapperOptions
{
    /// <summary>Height and width of an image in pixels; a multiple of <see cref="PatchSize"/>.</summary>
    [Takes(OptionRange.Positive)]
    public required int ImageSize { get; init; }

    /// <summary>Height and width of a patch in pixels.</summary>
    [Takes(OptionRange.Positive)]
    public required int PatchSize { get; init; }

    /// <summary>Numbers per pixel.</summary>
    [Takes(OptionRange.Positive)]
    public int Channels { get; init; } = 3;

    /// <summary>How many classes; null for none: the output is the mean token.</summary>
    [Takes(OptionRange.Positive)]
    public int? NumClasses { get; init; }

    /// <summary>A LayerNorm after the positions are added.</summary>
    public bool PostEmbNorm { get; init; }

    /// <summary>Learned tokens put behind the patches and taken away after the stack (Darcet et al. 2024).</summary>
    [Takes(OptionRange.Count)]
    public int NumRegisterTokens { get; init; }

    /// <summary>Dropout on the embedded patches, in training only.</summary>
    [Takes(OptionRange.Probability)]
    public float EmbDropout { get; init; }

    internal int Patches => ImageSize / PatchSize * (ImageSize / PatchSize);

    internal void Validate()
    {
        OptionChecks.Ranges(this);
        if (ImageSize % PatchSize != 0)
            throw new ArgumentException($"ImageSize = {ImageSize} is not a multiple of PatchSize = {PatchSize}.", nameof(PatchSize));
        OptionChecks.Product(ImageSize / PatchSize, ImageSize / PatchSize, "the number of patches, (ImageSize / PatchSize)²,", nameof(ImageSize));
        PatchEmbedding.CheckPatch(PatchSize, Channels);
    }
}
