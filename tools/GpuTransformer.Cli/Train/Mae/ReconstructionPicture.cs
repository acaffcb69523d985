using GpuTransformer.Cli.Train.Data;
using GpuTransformer.Cli.Train.Pictures;

namespace GpuTransformer.Cli.Train.Mae;

/// <summary>
/// <c>reconstruction.png</c>: a row for each image with the original, what the encoder sees, and what the model makes of it, visible patches pasted in.
/// </summary>
internal static class ReconstructionPicture
{
    private const int Gap = 6, Background = 0xffffff, Hidden = 0x5f7f9f;

    /// <summary>Draws the batch.</summary>
    /// <param name="grid">How images are cut.</param>
    /// <param name="images">Where they are from.</param>
    /// <param name="batch">The images.</param>
    /// <param name="predicted">[batch, hidden, patchDim]</param>
    public static Canvas Draw(PatchGrid grid, IImageSource images, MaskedImageBatch batch, ReadOnlySpan<float> predicted)
    {
        int zoom = Math.Max(1, 96 / grid.ImageSize), side = grid.ImageSize * zoom;
        var canvas = new Canvas(3 * side + 4 * Gap, batch.Count * (side + Gap) + Gap, Background);
        var image = new float[grid.ImageLength];
        for (int i = 0; i < batch.Count; i++)
        {
            int top = Gap + i * (side + Gap);
            batch.Assemble(i, image, batch.HiddenValues(i));
            Paste(canvas, grid, images, image, Gap, top, zoom);
            Paste(canvas, grid, images, image, side + 2 * Gap, top, zoom);
            foreach (int patch in batch.HiddenPatches(i))
            {
                (int y, int x) = grid.Corner(patch);
                canvas.Fill(side + 2 * Gap + x * zoom, top + y * zoom, grid.PatchSize * zoom, grid.PatchSize * zoom, Hidden);
            }

            int count = grid.Hidden * grid.PatchDim;
            batch.Assemble(i, image, predicted.Slice(i * count, count));
            Paste(canvas, grid, images, image, 2 * side + 3 * Gap, top, zoom);
        }

        return canvas;
    }

    private static void Paste(Canvas canvas, PatchGrid grid, IImageSource images, ReadOnlySpan<float> image, int left, int top, int zoom)
    {
        for (int pixel = 0; pixel < grid.ImageSize * grid.ImageSize; pixel++)
        {
            int red = Shade(image[pixel * grid.Channels], images.Shades(0));
            (int green, int blue) = grid.Channels == 3
                ? (Shade(image[pixel * 3 + 1], images.Shades(1)), Shade(image[pixel * 3 + 2], images.Shades(2)))
                : (red, red);
            canvas.Fill(left + pixel % grid.ImageSize * zoom, top + pixel / grid.ImageSize * zoom, zoom, zoom, red << 16 | green << 8 | blue);
        }
    }

    private static int Shade(float value, (float Black, float White) range)
        => (int)Math.Clamp((value - range.Black) / (range.White - range.Black) * 255f + 0.5f, 0f, 255f);
}
