using GpuTransformer.Cli.Train.Data;

namespace GpuTransformer.Tests.Cli.Train;

[TestClass]
public sealed class ShapeImagesTests
{
    [TestMethod]
    public void The_same_seed_gives_the_same_scene_and_another_one_another()
    {
        float[] first = Draw(new ShapeImages(16), 5), again = Draw(new ShapeImages(16), 5), other = Draw(new ShapeImages(16), 6);
        CollectionAssert.AreEqual(first, again);
        CollectionAssert.AreNotEqual(first, other);
    }

    [TestMethod]
    public void Scenes_have_mean_zero_and_variance_one()
    {
        var shapes = new ShapeImages(16);
        float[] all = [.. Enumerable.Range(10_000, 1000).SelectMany(seed => Draw(shapes, seed))];
        double mean = all.Average(static v => (double)v);
        Assert.AreEqual(0, mean, 0.1);
        Assert.AreEqual(1, all.Average(v => (v - mean) * (v - mean)), 0.1);
    }

    [TestMethod]
    [DataRow(1)]
    [DataRow(3)]
    [DataRow(40)]
    public void Every_size_can_be_drawn(int size)
    {
        var shapes = new ShapeImages(size);
        for (int seed = 0; seed < 50; seed++)
            Assert.IsTrue(Draw(shapes, seed).All(float.IsFinite));
    }

    private static float[] Draw(ShapeImages shapes, int seed)
    {
        var image = new float[shapes.Size * shapes.Size];
        shapes.Draw(new Random(seed), fresh: false, image);
        return image;
    }
}
