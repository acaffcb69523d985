using System.Diagnostics;
using System.Text;
using GpuTransformer.Cli;
using GpuTransformer.Cli.Train.Data;
using GpuTransformer.Cli.Train.Pictures;

namespace GpuTransformer.Tests.Cli.Train;

[TestClass]
public sealed class PictureFileTests : IDisposable
{
    private readonly TrainingFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [TestMethod]
    public void Pictures_are_read_the_right_way_round()
    {
        byte[] pixels = [.. Enumerable.Range(0, 3 * 3 * 3).Select(static i => (byte)(i * 9))];
        using var png = new MemoryStream();
        PngFile.Write(png, 3, 3, pixels);
        CollectionAssert.AreEqual(pixels, Read(png.ToArray(), 3, 3));

        byte[] jpeg = Read(PictureSeeds.GreyJpeg, 16, 1);
        Assert.IsLessThan(40, jpeg[5 * 16 + 3]);
        Assert.IsGreaterThan(215, jpeg[5 * 16 + 12]);

        // The rows of a BMP go from the bottom up, or with a negative height from the top down; blue comes first.
        byte[] down = PictureSeeds.Bmp(4, -4, 24), up = PictureSeeds.Bmp(4, 4, 24);
        for (int row = 0; row < 4; row++)
            down.AsSpan(54 + row * 12, 12).CopyTo(up.AsSpan(54 + (3 - row) * 12));
        byte[] read = Read(down, 4, 3);
        CollectionAssert.AreEqual(read, Read(up, 4, 3));
        CollectionAssert.AreEqual(new[] { down[56], down[55], down[54] }, read[..3]);
    }

    [TestMethod]
    [DataRow("png", 0, 3)]
    [DataRow("png", 1, 1)]
    [DataRow("png", 4, 1)]
    [DataRow("png", 5, 3)]
    [DataRow("jpg", 0, 1)]
    [DataRow("jpg", 1, 3)]
    [DataRow("bmp", 5, 3)]
    public void Channels_are_told_by_the_header(string extension, int seed, int channels)
        => Assert.AreEqual(channels, PictureFile.ReadChannels(Put("a", PictureSeeds.Of(extension)[seed])));

    [TestMethod]
    [DataRow("png")]
    [DataRow("jpg")]
    [DataRow("bmp")]
    public void Every_seed_of_the_mutations_is_intact(string extension)
    {
        foreach (byte[] seed in PictureSeeds.Of(extension))
            Assert.HasCount(12, Read(seed, 2, 3));
    }

    [TestMethod]
    public void Interlaced_pixels_are_where_they_belong()
    {
        // A picture of one colour tells nothing about places, but one of two columns does: of 2 × 2 pixels the first is pass 1, its neighbour 6, the lower row
        // 7.
        byte[] rows = [0, 10, 20, 30, 0, 40, 50, 60, 0, 70, 80, 90, 100, 110, 120];
        CollectionAssert.AreEqual(
            new byte[] { 10, 20, 30, 40, 50, 60, 70, 80, 90, 100, 110, 120 }, Read(PictureSeeds.Png(2, 2, 8, 2, interlaced: true, rows), 2, 3));
    }

    [TestMethod]
    public void A_large_picture_is_the_mean_of_its_areas()
    {
        // 900 × 900 in nine even fields, one of them with a fine pattern; to 3 × 3 pixels.
        var rgb = new byte[900 * 900 * 3];
        for (int i = 0; i < rgb.Length; i++)
        {
            int y = i / 3 / 900, x = i / 3 % 900, field = y / 300 * 3 + x / 300;
            rgb[i] = (byte)(field == 4 ? (x + y) % 2 * 200 : field * 25);
        }

        using var png = new MemoryStream();
        PngFile.Write(png, 900, 900, rgb);
        CollectionAssert.AreEqual(new byte[] { 0, 25, 50, 75, 100, 125, 150, 175, 200 }, Read(png.ToArray(), 3, 1));
    }

    [TestMethod]
    [DataRow(1, 0, 255, 0, 255)]
    [DataRow(2, 255, 0, 255, 0)]
    [DataRow(3, 255, 0, 255, 0)]
    [DataRow(4, 0, 255, 0, 255)]
    [DataRow(5, 0, 0, 255, 255)]
    [DataRow(6, 0, 0, 255, 255)]
    [DataRow(7, 255, 255, 0, 0)]
    [DataRow(8, 255, 255, 0, 0)]
    public void A_photo_stands_upright(int orientation, params int[] expected)
    {
        // Exif: big-endian TIFF with one entry, the orientation.
        byte[] exif = [0xFF, 0xE1, 0, 34, .. "Exif\0\0MM\0*"u8, 0, 0, 0, 8, 0, 1, 1, 0x12, 0, 3, 0, 0, 0, 1, 0, (byte)orientation, 0, 0, 0, 0, 0, 0];
        byte[] read = Read([.. PictureSeeds.GreyJpeg[..2], .. exif, .. PictureSeeds.GreyJpeg[2..]], 2, 1);
        for (int i = 0; i < 4; i++)
            Assert.AreEqual(expected[i], read[i], 20.0, $"pixel {i}");
    }

    [TestMethod]
    public void Damaged_pictures_are_refused()
    {
        byte[] whole = PictureSeeds.Png(4, 2, 8, 2), flipped = [.. whole], jpeg = PictureSeeds.GreyJpeg, bmp = PictureSeeds.Bmp(4, 4, 24);
        flipped[45] ^= 1;
        Refused(flipped, "'", "IDAT", "checksum");
        Refused(whole[..^20], "chunk IDAT", "ends after");
        Refused(whole[..20], "within its header");
        Refused([], "empty");
        Refused([.. "not a picture"u8], "6E6F742061207069");
        Refused(jpeg[..^2], "FF D9");
        Refused([0xFF, 0xD8, 0xFF, 0xD9], "before its picture");
        Refused([.. jpeg[..71], 0, .. jpeg[71..]], "byte 71 is 00", "a marker (FF) is due");
        Refused([.. "BM and no more"u8], "within its header");
        Refused(bmp[..^1], "4 × 4 pixels of 24 bits, 48 bytes", "47 follow");

        // What the decoder finds though every checksum fits: too few rows, and something that is no compressed data.
        Refused(PictureSeeds.Png(4, 2, 8, 2, interlaced: false, new byte[13]), "cannot be decoded");
    }

    [TestMethod]
    [DataRow("FFD8FFE07FFFFFD9", "FF E0", "32767 bytes", DisplayName = "a segment that is longer than the file, which once was read for ever")]
    [DataRow("89504E470D0A1A0A0000000D49484452000075300000753008020000000000", "30000 × 30000", "67108864", DisplayName = "a PNG of 900 megapixels")]
    [DataRow("424DDA020000000000003600000028000000307500002" + "04E00000100180000000000", "30000 × 20000", "67108864", DisplayName = "a BMP of 600 megapixels")]
    [DataRow("424DDA0200000000000036000000280000000010000000100000" + "0100180000000000", "50331648 bytes", "0 follow",
        DisplayName = "a BMP that ends after its header")]
    [DataRow("FFD8FFC0000B08FFFFFFFF01011100", "65535 × 65535", "67108864", DisplayName = "a JPEG of 4 gigapixels")]
    public void A_file_that_claims_much_is_refused_by_its_header(string hex, params string[] parts) => Refused(Convert.FromHexString(hex), parts);

    [TestMethod]
    public void A_jpeg_that_takes_much_to_decode_is_refused()
    {
        byte[] scan = [0xFF, 0xDA, 0, 8, 1, 1, 0, 0, 63, 0], end = [0xFF, 0xD9];
        byte[] frame = [0xFF, 0xD8, 0xFF, 0xC2, 0, 17, 8, 0x1F, 0xFF, 0x1F, 0xFF, 3, 1, 0x11, 0, 2, 0x11, 0, 3, 0x11, 0];
        Refused([.. frame, .. scan, .. scan, .. end], "progressive", "8191 × 8191", "402653184 bytes");

        // Grey keeps less, but a hundred scans are a hundred times the work.
        byte[] grey = [0xFF, 0xD8, 0xFF, 0xC2, 0, 11, 8, 0x1F, 0xFF, 0x10, 0x00, 1, 1, 0x11, 0];
        Refused([.. grey, .. Enumerable.Repeat(scan, 100).SelectMany(static s => s), .. end], "in 100 scans", "at most 32");
    }

    [TestMethod]
    public void A_picture_that_takes_much_more_to_decode_than_its_own_size_is_refused()
    {
        // Grey with transparency is decoded to four bytes a pixel, three more than what is kept of it.
        Refused(PictureSeeds.Png(8000, 4000, 8, 4, interlaced: false, new byte[100]), "128000000 bytes", "94000000");
    }

    [TestMethod]
    public void Metadata_does_not_fill_the_memory()
    {
        // A comment segment holds 64 kB; a picture of 16 × 16 with 600 of them is something else.
        byte[] comment = [0xFF, 0xFE, 0xFF, 0xFF, .. new byte[0xFFFD]];
        Refused([.. PictureSeeds.GreyJpeg[..2], .. Enumerable.Repeat(comment, 600).SelectMany(static c => c), .. PictureSeeds.GreyJpeg[2..]], "metadata");
        Refused(PictureSeeds.Png(4, 2, 8, 2, extra: ("tEXt", new byte[2_000_000])), "no picture");
    }

    [TestMethod]
    [OSCondition(ConditionMode.Exclude, OperatingSystems.Windows)]
    public void A_pipe_with_the_name_of_a_picture_is_not_waited_for()
    {
        using (Process pipe = Process.Start("mkfifo", _folder["pipe.png"]))
            pipe.WaitForExit();
        UsageException exception = Assert.ThrowsExactly<UsageException>(() => PictureFile.ReadChannels(_folder["pipe.png"]));
        StringAssert.Contains(exception.Message, "pipe.png", StringComparison.Ordinal);
    }

    [TestMethod]
    public void A_folder_is_held_at_the_size_asked_for_and_not_at_its_own()
    {
        Directory.CreateDirectory(_folder["data"]);
        using var png = new MemoryStream();
        PngFile.Write(png, 2000, 1500, new byte[2000 * 1500 * 3]);
        for (int i = 0; i < 12; i++)
            File.WriteAllBytes(_folder["data", $"{i}.png"], png.ToArray());
        long before = GC.GetTotalAllocatedBytes(precise: true);
        StoredImages images = ImageFiles.Read(_folder["data"], 16, null);
        Assert.AreEqual((12, 16, 3), (images.Count, images.Size, images.Channels));

        // Each of them is 9 MB.
        Assert.IsLessThan(9_000_000, GC.GetTotalAllocatedBytes(precise: true) - before);
    }

    [TestMethod]
    public void A_folder_with_a_hostile_file_is_refused_by_its_name()
    {
        Directory.CreateDirectory(_folder["data"]);
        File.WriteAllBytes(_folder["data", "good.png"], PictureSeeds.Png(4, 4, 8, 2));
        File.WriteAllBytes(_folder["data", "hostile.jpg"], Convert.FromHexString("FFD8FFE07FFFFFD9"));
        UsageException exception = Assert.ThrowsExactly<UsageException>(() => ImageFiles.Read(_folder["data"], null, 3));
        StringAssert.Contains(exception.Message, "hostile.jpg", StringComparison.Ordinal);
    }

    [TestMethod]
    [DataRow(30_000)]
    [DataRow(50_000)]
    public void A_size_that_fits_into_no_memory_is_refused(int size)
    {
        Directory.CreateDirectory(_folder["data"]);
        foreach (string name in new[] { "a.png", "b.png" })
            File.WriteAllBytes(_folder["data", name], PictureSeeds.Png(4, 4, 8, 2));
        UsageException exception = Assert.ThrowsExactly<UsageException>(() => ImageFiles.Read(_folder["data"], size, null));
        StringAssert.Contains(exception.Message, $"{size} × {size}", StringComparison.Ordinal);
    }

    private byte[] Read(byte[] file, int size, int channels)
    {
        var target = new byte[size * size * channels];
        PictureFile.ReadInto(Put("picture", file), size, channels, target);
        return target;
    }

    private void Refused(byte[] file, params string[] parts)
    {
        UsageException exception = Assert.ThrowsExactly<UsageException>(() => Read(file, 4, 3));
        foreach (string part in parts)
            Assert.Contains(part, exception.Message, Encoding.Latin1.GetString(file.AsSpan(0, Math.Min(file.Length, 16))));
    }

    private string Put(string name, byte[] bytes)
    {
        File.WriteAllBytes(_folder[name], bytes);
        return _folder[name];
    }
}
