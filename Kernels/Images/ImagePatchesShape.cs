namespace GpuTransformer.Kernels;

/// <summary>Which pixel of an image [channels, height, width] is which number of its patches [rows · columns, patch · patch · channels].</summary>
internal struct ImagePatchesShape
{
    public int Channels;
    public int Height;  // pixels; a multiple of Patch
    public int Width;   // pixels; a multiple of Patch
    public int Patch;   // pixels along one side
    public int ToImage; // 1 where patches are read and an image is written

    /// <summary>Numbers in one image.</summary>
    public readonly int Count => Channels * Height * Width;

    /// <summary>Where the number comes from that is <paramref name="target"/>-th in the output.</summary>
    public readonly long Source(long target)
    {
        int within = (int)(target % Count);
        return target - within + (ToImage == 1 ? OfPatch(within) : OfImage(within));
    }

    // A patch holds (row, column, channel), the channel fastest.
    private readonly int OfImage(int index)
    {
        int channel = index % Channels, pixel = index / Channels;
        int column = pixel % Patch, row = pixel / Patch % Patch, patch = pixel / (Patch * Patch);
        int columns = Width / Patch;
        return (channel * Height + patch / columns * Patch + row) * Width + patch % columns * Patch + column;
    }

    private readonly int OfPatch(int index)
    {
        int x = index % Width, y = index / Width % Height, channel = index / (Width * Height);
        int patch = y / Patch * (Width / Patch) + x / Patch;
        return ((patch * Patch + y % Patch) * Patch + x % Patch) * Channels + channel;
    }
}
