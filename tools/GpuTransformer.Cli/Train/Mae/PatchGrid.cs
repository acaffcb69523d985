namespace GpuTransformer.Cli.Train.Mae;

/// <summary>A square image cut into square patches, some of which are visible.</summary>
/// <param name="ImageSize">Pixels along one side of the image.</param>
/// <param name="PatchSize">Pixels along one side of a patch.</param>
/// <param name="Channels">Numbers in a pixel; an image is [y, x, channel].</param>
/// <param name="Visible">Patches that the encoder sees.</param>
internal sealed record PatchGrid(int ImageSize, int PatchSize, int Channels, int Visible)
{
    /// <summary>Patches along one side.</summary>
    public int Side => ImageSize / PatchSize;

    public int Patches => Side * Side;

    public int Hidden => Patches - Visible;

    /// <summary>Numbers in a patch.</summary>
    public int PatchDim => PatchSize * PatchSize * Channels;

    /// <summary>Numbers in an image.</summary>
    public int ImageLength => ImageSize * ImageSize * Channels;

    /// <summary>The pixels of a patch, as y · ImageSize + x.</summary>
    public IEnumerable<int> Pixels(int patch)
    {
        (int top, int left) = Corner(patch);
        for (int i = 0; i < PatchSize * PatchSize; i++)
            yield return (top + i / PatchSize) * ImageSize + left + i % PatchSize;
    }

    /// <summary>Copies a patch out of an image, row by row.</summary>
    public void Read(ReadOnlySpan<float> image, int patch, Span<float> target)
    {
        (int top, int left) = Corner(patch);
        int row = PatchSize * Channels;
        for (int y = 0; y < PatchSize; y++)
            image.Slice(((top + y) * ImageSize + left) * Channels, row).CopyTo(target[(y * row)..]);
    }

    /// <summary>Copies a patch into an image.</summary>
    public void Write(ReadOnlySpan<float> source, int patch, Span<float> image)
    {
        (int top, int left) = Corner(patch);
        int row = PatchSize * Channels;
        for (int y = 0; y < PatchSize; y++)
            source.Slice(y * row, row).CopyTo(image[(((top + y) * ImageSize + left) * Channels)..]);
    }

    /// <summary>The first row and column of a patch.</summary>
    public (int Top, int Left) Corner(int patch) => (patch / Side * PatchSize, patch % Side * PatchSize);
}
