using System.Buffers.Binary;
using System.IO.Compression;
using GpuTransformer.Cli.Train.Pictures;

namespace GpuTransformer.Tests.Cli.Train;

[TestClass]
public sealed class PictureTests
{
    [TestMethod]
    public void A_png_holds_what_was_written()
    {
        byte[] pixels = [.. Enumerable.Range(0, 5 * 3 * 3).Select(static i => (byte)(i * 37))];
        byte[] file = Png(5, 3, pixels);
        Assert.IsTrue(PngFile.HasSignature(file));
        Assert.AreEqual(5, BinaryPrimitives.ReadInt32BigEndian(file.AsSpan(16)));
        Assert.AreEqual(3, BinaryPrimitives.ReadInt32BigEndian(file.AsSpan(20)));
        int length = BinaryPrimitives.ReadInt32BigEndian(file.AsSpan(33));
        using var unpacked = new MemoryStream();
        using (var inflate = new ZLibStream(new MemoryStream(file, 41, length), CompressionMode.Decompress))
            inflate.CopyTo(unpacked);
        byte[] rows = unpacked.ToArray();
        for (int row = 0; row < 3; row++)
        {
            Assert.AreEqual(0, rows[row * 16]);
            CollectionAssert.AreEqual(pixels[(row * 15)..(row * 15 + 15)], rows[(row * 16 + 1)..(row * 16 + 16)]);
        }

        // The checksum of an empty IEND is the same in every PNG of the world.
        CollectionAssert.AreEqual(new byte[] { 0xAE, 0x42, 0x60, 0x82 }, file[^4..]);
    }

    [TestMethod]
    public void Damage_is_found_wherever_it_is()
    {
        byte[] file = Png(5, 3, new byte[45]);
        Assert.IsNull(PngFile.FindDamage(new MemoryStream(file)));
        for (int at = 8; at < file.Length; at++)
        {
            byte[] damaged = [.. file];
            damaged[at] ^= 0x10;
            Assert.IsNotNull(PngFile.FindDamage(new MemoryStream(damaged)), $"byte {at}");
            Assert.IsNotNull(PngFile.FindDamage(new MemoryStream(file, 0, at)), $"cut at {at}");
        }
    }

    [TestMethod]
    public void A_scale_becomes_logarithmic_when_numbers_differ_much()
    {
        AxisScale linear = AxisScale.Of(0.5, 2), logarithmic = AxisScale.Of(0.001, 1);
        Assert.IsFalse(linear.Logarithmic);
        Assert.AreEqual(0.5, linear.Place(1.25), 1e-12);
        Assert.IsTrue(logarithmic.Logarithmic);
        Assert.AreEqual(2.0 / 3, logarithmic.Place(0.1), 1e-12);
        CollectionAssert.AreEqual(new[] { "0.5", "1.0", "1.5", "2.0" }, linear.Ticks(3).Select(static t => t.Text).ToArray());
        CollectionAssert.IsSubsetOf(new[] { "0.001", "0.01", "0.1", "1" }, logarithmic.Ticks(8).Select(static t => t.Text).ToArray());
        Assert.AreEqual(0.5, AxisScale.Of(3, 3).Place(3), 1e-12);
    }

    [TestMethod]
    public void A_chart_has_axes_numbers_and_a_falling_curve()
    {
        using var folder = new TrainingFolder();
        LossChart.Write(folder["none.png"], [(0, double.NaN)]);
        Assert.IsFalse(File.Exists(folder["none.png"]));
        LossChart.Write(folder["loss.png"], [.. Enumerable.Range(0, 200).Select(static i => ((long)i, i == 7 ? double.NaN : Math.Exp(-i / 40.0)))]);
        Assert.IsNull(PngFile.FindDamage(new MemoryStream(File.ReadAllBytes(folder["loss.png"]))));

        Canvas chart = LossChart.Draw([.. Enumerable.Range(0, 200).Select(static i => ((double)i, Math.Exp(-i / 40.0)))]);
        int[] rows = [.. new[] { 100, 400, 700 }.Select(x => Enumerable.Range(0, chart.Height).First(y => chart[x, y] == 0x1f4e8c))];
        Assert.IsLessThan(rows[1], rows[0]);
        Assert.IsLessThan(rows[2], rows[1]);

        // Numbers stand left of the axis and below it.
        Assert.IsTrue(Enumerable.Range(0, 58 * chart.Height).Any(i => chart[i % 58, i / 58] == 0x404040));
        Assert.IsTrue(Enumerable.Range(0, 12 * chart.Width).Any(i => chart[i % chart.Width, chart.Height - 34 + i / chart.Width] == 0x404040));
    }

    private static byte[] Png(int width, int height, byte[] pixels)
    {
        using var stream = new MemoryStream();
        PngFile.Write(stream, width, height, pixels);
        return stream.ToArray();
    }
}
