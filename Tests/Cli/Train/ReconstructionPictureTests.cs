using GpuTransformer.Cli.Train.Data;
using GpuTransformer.Cli.Train.Mae;
using GpuTransformer.Cli.Train.Pictures;

namespace GpuTransformer.Tests.Cli.Train;

[TestClass]
public sealed class ReconstructionPictureTests
{
    [TestMethod]
    public void A_row_shows_the_original_what_is_visible_and_what_the_model_says()
    {
        // Two images in colour, each even: red and blue. The model says black everywhere.
        byte[] red = [.. Enumerable.Repeat(new byte[] { 255, 0, 0 }, 16).SelectMany(static p => p)],
            blue = [.. Enumerable.Repeat(new byte[] { 0, 0, 255 }, 16).SelectMany(static p => p)];
        var images = new StoredImages([.. red, .. blue], 4, 3, "test");
        var grid = new PatchGrid(4, 2, 3, Visible: 1);
        var batch = new MaskedImageBatch(grid, images, 1, seed: 1);
        batch.Draw(0);
        float[] black = [.. Enumerable.Range(0, grid.Hidden * grid.PatchDim).Select(i => images.Shades(i % 3).Black)];
        Canvas picture = ReconstructionPicture.Draw(grid, images, batch, black);

        int side = (picture.Width - 4 * 6) / 3, colour = picture[6, 6];
        Assert.Contains(colour, new[] { 0xff0000, 0x0000ff });
        foreach (int patch in Enumerable.Range(0, 4))
        {
            int x = 6 + patch % 2 * side / 2 + 1, y = 6 + patch / 2 * side / 2 + 1;
            bool visible = batch.VisiblePatches(0)[0] == patch;
            Assert.AreEqual(colour, picture[x, y]);
            Assert.AreEqual(visible ? colour : 0x5f7f9f, picture[x + side + 6, y]);
            Assert.AreEqual(visible ? colour : 0, picture[x + 2 * (side + 6), y]);
        }
    }
}
