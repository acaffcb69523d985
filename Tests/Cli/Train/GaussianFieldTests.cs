using GpuTransformer.Cli.Train.Data;

namespace GpuTransformer.Tests.Cli.Train;

[TestClass]
public sealed class GaussianFieldTests
{
    private const int Size = 16;
    private const int Patch = 4;

    [TestMethod]
    public void Samples_have_the_covariance_that_the_optimum_is_computed_from()
    {
        var field = new GaussianField(Size, 4);
        var random = new Random(7);
        var image = new float[Size * Size];
        (int First, int Second)[] pairs = [(0, 0), (0, 1), (17, 34), (100, 104), (255, 0), (136, 136)];
        var sums = new double[pairs.Length];
        const int Images = 4000;
        for (int i = 0; i < Images; i++)
        {
            field.Draw(random, image);
            for (int p = 0; p < pairs.Length; p++)
                sums[p] += image[pairs[p].First] * image[pairs[p].Second];
        }

        // The standard error of such a mean is at most sqrt(2 / 4000) = 0.022.
        for (int p = 0; p < pairs.Length; p++)
            Assert.AreEqual(field.Covariance(pairs[p].First, pairs[p].Second), sums[p] / Images, 0.09, $"pixels {pairs[p]}");
    }

    [TestMethod]
    public void The_optimum_over_all_masks_is_the_known_one()
    {
        // All 1,820 ways to keep 4 of 16 patches: 0.239 to 0.244 for a few hundred random ones, where the nearest visible pixel gets about 0.59 to 0.61.
        var field = new GaussianField(Size, 4);
        double optimum = 0, nearest = 0;
        int masks = 0;
        for (int kept = 0; kept < 1 << 16; kept++)
        {
            if (int.PopCount(kept) != 4)
                continue;
            int[] visible = [.. Pixels(kept, true)], hidden = [.. Pixels(kept, false)];
            optimum += field.OptimalError(visible, hidden);
            nearest += field.NearestPixelError(visible, hidden);
            masks++;
        }

        Assert.AreEqual(1820, masks);
        Assert.AreEqual(0.2415, optimum / masks, 0.0025);
        Assert.AreEqual(0.6, nearest / masks, 0.01);
    }

    [TestMethod]
    public void The_optimal_predictor_reaches_the_optimal_error()
    {
        // One visible pixel, one hidden: the best prediction is cov · x, and its error 1 − cov².
        var field = new GaussianField(8, 2);
        double covariance = field.Covariance(0, 1);
        Assert.AreEqual(1 - covariance * covariance, field.OptimalError([0], [1]), 1e-12);
        Assert.AreEqual(2 - 2 * covariance, field.NearestPixelError([0], [1]), 1e-12);
    }

    private static IEnumerable<int> Pixels(int patches, bool kept)
        => from pixel in Enumerable.Range(0, Size * Size)
           let patch = pixel / Size / Patch * (Size / Patch) + pixel % Size / Patch
           where ((patches >> patch & 1) == 1) == kept
           select pixel;
}
