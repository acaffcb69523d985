namespace GpuTransformer.Cli.Train.Data;

/// <summary>An image as its file holds it.</summary>
/// <param name="Width">Pixels per row.</param>
/// <param name="Height">Rows.</param>
/// <param name="Channels">1 or 3.</param>
/// <param name="Pixels">[height, width, channels]</param>
internal sealed record RawImage(int Width, int Height, int Channels, ReadOnlyMemory<byte> Pixels)
{
    /// <summary>Cuts the largest square from the middle and brings it to a size, each new pixel being the mean of the area that it covers.</summary>
    /// <param name="size">Pixels along one side.</param>
    /// <param name="channels">1: the channels' mean, weighted as ITU-R BT.601 does; 3: grey three times.</param>
    /// <param name="target">[size, size, channels]</param>
    public void FitInto(int size, int channels, Memory<byte> target)
    {
        var reducer = new SquareReducer(Width, Height, Channels, Channels, size, channels, target);
        for (int row = 0; row < Height; row++)
            reducer.Add(Pixels.Span.Slice(row * Width * Channels, Width * Channels));
    }
}
