namespace GpuTransformer.Cli.Train.Data;

/// <summary>Where images come from. Numbers have about mean zero and variance one, so that an error of one is that of a predictor who knows nothing.</summary>
internal interface IImageSource
{
    /// <summary>Pixels along one side: images are square.</summary>
    int Size { get; }

    /// <summary>Numbers in a pixel.</summary>
    int Channels { get; }

    /// <summary>The numbers that a picture shows as black and as white.</summary>
    (float Black, float White) Shades(int channel) => (-2.5f, 2.5f);

    /// <summary>Draws one image, [size, size, channels].</summary>
    /// <param name="random">Decides which.</param>
    /// <param name="fresh">True for an image that training never sees.</param>
    /// <param name="image">Is filled.</param>
    void Draw(Random random, bool fresh, Span<float> image);
}
