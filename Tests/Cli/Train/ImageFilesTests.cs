using System.Buffers.Binary;
using System.IO.Compression;
using System.Text.Json;
using GpuTransformer.Cli;
using GpuTransformer.Cli.Train.Data;
using GpuTransformer.Cli.Train.Pictures;

namespace GpuTransformer.Tests.Cli.Train;

[TestClass]
public sealed class ImageFilesTests : IDisposable
{
    private readonly TrainingFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [TestMethod]
    [DataRow(false)]
    [DataRow(true)]
    public void Idx_is_read_packed_or_not(bool packed)
    {
        byte[] file = Idx(5, 3, 3);
        IReadOnlyList<RawImage> images = IdxFile.Read(Put("train-images-idx3-ubyte", packed ? Gzip(file) : file));
        Assert.HasCount(5, images);
        CollectionAssert.AreEqual(file[(16 + 4 * 9)..], images[4].Pixels.ToArray());
        Assert.AreEqual((3, 3, 1), (images[0].Width, images[0].Height, images[0].Channels));
    }

    [TestMethod]
    public void Damaged_idx_is_refused_with_what_was_expected_and_found()
    {
        byte[] file = Idx(5, 3, 4);
        Refused(() => IdxFile.Read(Put("a", file[..60])), "'", "5 images of 3 × 4", "60 in all", "44 follow");
        Refused(() => IdxFile.Read(Put("b", [.. file, 0])), "61 follow");
        Refused(() => IdxFile.Read(Put("c", file[..7])), "7 bytes", "16");
        Refused(() => IdxFile.Read(Put("d", [])), "0 bytes");
        Refused(() => IdxFile.Read(Put("e", [0, 0, 8, 1, .. file[4..]])), "00000801", "labels", "00000803");
        Refused(() => IdxFile.Read(Put("f", [.. "hello, this is text"u8])), "68656c6c", "no IDX");
        Refused(() => IdxFile.Read(Put("g", Gzip(file)[..20])), "g'");
        byte[] bomb = [.. file];
        bomb.AsSpan(4, 12).Fill(0xFF);
        Refused(() => IdxFile.Read(Put("h", bomb)), "4294967295 images");
        Refused(() => IdxFile.Read(Put("i", Gzip(bomb))), "4294967295 images", "at most");
    }

    [TestMethod]
    public void Packed_idx_is_unpacked_no_further_than_it_promises()
    {
        // 64 MB of zeros after one image, packed to 64 kB.
        byte[] packed = Gzip([.. Idx(1, 3, 3), .. new byte[64 << 20]]);
        long before = GC.GetAllocatedBytesForCurrentThread();
        Refused(() => IdxFile.Read(Put("bomb-idx3-ubyte", packed)), "1 images of 3 × 3", "10 follow");
        Assert.IsLessThan(1 << 20, GC.GetAllocatedBytesForCurrentThread() - before);

        // An image of 60 MB is promised by 50 bytes.
        byte[] claims = Idx(1, 3, 3);
        BinaryPrimitives.WriteInt32BigEndian(claims.AsSpan(8), 20_000_000);
        Refused(() => IdxFile.Read(Put("claims-idx3-ubyte", Gzip(claims))), "20000000 × 3", "can unpack to");
    }

    [TestMethod]
    public void Cifar_planes_become_pixels()
    {
        byte[] file = Cifar(2);
        RawImage second = CifarFile.Read(Put("data_batch_1.bin", file))[1];
        ReadOnlySpan<byte> pixels = second.Pixels.Span;
        foreach (int pixel in new[] { 0, 1, 500, 1023 })
        {
            for (int c = 0; c < 3; c++)
                Assert.AreEqual(file[3073 + 1 + c * 1024 + pixel], pixels[pixel * 3 + c]);
        }
    }

    [TestMethod]
    public void Damaged_cifar_is_refused()
    {
        byte[] file = Cifar(2);
        Refused(() => CifarFile.Read(Put("a.bin", file[..^1])), "6145 bytes", "3073");
        Refused(() => CifarFile.Read(Put("b.bin", [])), "0 bytes");
        file[3073] = 10;
        Refused(() => CifarFile.Read(Put("c.bin", file)), "label 10", "byte 3073");
    }

    [TestMethod]
    public void A_folder_is_one_kind_of_data()
    {
        Refused(() => ImageFiles.Read(_folder["nothing"], null, null), "no file or folder");
        Directory.CreateDirectory(_folder["data"]);
        Put("data/readme.txt", [1]);
        Refused(() => ImageFiles.Read(_folder["data"], null, null), "none of", "among its 1 files");
        Put("data/train-images-idx3-ubyte", Idx(20, 6, 8));
        Put("data/t10k-images-idx3-ubyte", Idx(3, 6, 8));
        StoredImages images = ImageFiles.Read(_folder["data"], null, null);
        Assert.AreEqual((20, 2, 6, 1), (images.Count, images.HeldOut, images.Size, images.Channels));
        Put("data/data_batch_1.bin", Cifar(2));
        Refused(() => ImageFiles.Read(_folder["data"], null, null), "mixes IDX ('t10k-images-idx3-ubyte') and CIFAR-10 ('data_batch_1.bin')");
        Refused(() => ImageFiles.Read(Put("one", Idx(1, 3, 3)), null, null), "1 image", "at least 2");
        Refused(() => ImageFiles.Read(Put("none", Idx(0, 3, 3)), null, null), "0 image", "at least 2");
        Refused(() => ImageFiles.Read(Put("x.png", [1]), null, null), "single picture");
    }

    [TestMethod]
    public void Size_and_channels_are_brought_to_what_was_asked_for()
    {
        // The middle square of a 4 × 2 image, halved: the mean of four pixels of each colour.
        byte[] pixels = [.. Enumerable.Range(0, 8).SelectMany(static i => new[] { (byte)(i * 10), (byte)100, (byte)0 })];
        var image = new RawImage(4, 2, 3, pixels);
        byte[] colour = new byte[3], grey = new byte[1], larger = new byte[16 * 3];
        image.FitInto(1, 3, colour);
        image.FitInto(1, 1, grey);
        image.FitInto(4, 3, larger);
        CollectionAssert.AreEqual(new byte[] { 35, 100, 0 }, colour);
        Assert.AreEqual(69, grey[0]);
        CollectionAssert.AreEqual(new byte[] { 10, 10, 20, 20 }, new[] { larger[0], larger[3], larger[6], larger[9] });
        var threeTimes = new byte[3];
        new RawImage(1, 1, 1, new byte[] { 7 }).FitInto(1, 3, threeTimes);
        CollectionAssert.AreEqual(new byte[] { 7, 7, 7 }, threeTimes);
    }

    [TestMethod]
    public void Training_never_sees_what_is_held_out_and_draws_are_repeatable()
    {
        // Every image is even, of its own shade.
        var images = new StoredImages([.. Enumerable.Range(0, 40).SelectMany(static i => Enumerable.Repeat((byte)(i * 6), 4))], 2, 1, "test");
        HashSet<float> trained = Shades(images, fresh: false), held = Shades(images, fresh: true);
        Assert.HasCount(36, trained);
        Assert.HasCount(4, held);
        Assert.IsFalse(trained.Overlaps(held));
        Assert.AreEqual(0, trained.Average(), 1e-5);
        Assert.AreEqual(1, trained.Average(static v => v * v), 1e-4);
        var image = new float[4];
        images.Draw(new Random(3), false, image);
        float[] first = [.. image];
        images.Draw(new Random(3), false, image);
        CollectionAssert.AreEqual(first, image);
    }

    [TestMethod]
    public async Task Colour_images_are_learned_from_and_measured_beside_simple_predictors()
    {
        Put("data_batch_1.bin", Cifar(30));
        string[] tiny =
        [
            "--data", _folder["data_batch_1.bin"], "--image-size", "8", "--batch-size", "4", "--evaluation-images", "8", "--encoder-dim", "16", "--decoder-dim",
            "16", "--encoder-depth", "1",
        ];
        JsonElement whole = await _folder.Train("mae", "whole", [.. tiny, "--steps", "6"]);
        Assert.AreEqual(JsonValueKind.Null, whole.GetProperty("optimum").ValueKind);
        Assert.IsGreaterThan(0.0, whole.GetProperty("nearest_pixel").GetDouble());
        Assert.AreEqual(1, whole.GetProperty("mean").GetDouble(), 0.5);
        Assert.IsNull(PngFile.FindDamage(new MemoryStream(await File.ReadAllBytesAsync(_folder["whole", "reconstruction.png"]))));
        Assert.AreEqual(
            whole.GetProperty("masked_mse").GetDouble(),
            (await _folder.Train("mae", "again", [.. tiny, "--steps", "6"])).GetProperty("masked_mse").GetDouble());
    }

    [TestMethod]
    public async Task A_damaged_file_is_a_usage_error()
        => (await _folder.Run("mae", "run", "--data", Put("broken-idx3-ubyte", Idx(5, 8, 8)[..100]))).Exits(ExitCode.Usage).ComplainsAbout(
            "broken-idx3-ubyte", "5 images of 8 × 8");

    private static HashSet<float> Shades(StoredImages images, bool fresh)
    {
        var image = new float[4];
        var shades = new HashSet<float>();
        for (int seed = 0; seed < 1000; seed++)
        {
            images.Draw(new Random(seed), fresh, image);
            shades.Add(image[0]);
        }

        return shades;
    }

    private static void Refused(Action read, params string[] parts)
    {
        UsageException exception = Assert.ThrowsExactly<UsageException>(read);
        foreach (string part in parts)
            Assert.Contains(part, exception.Message);
    }

    private static byte[] Idx(int count, int rows, int columns)
    {
        var file = new byte[16 + count * rows * columns];
        new Random(1).NextBytes(file);
        foreach ((int at, int value) in new[] { (0, 0x803), (4, count), (8, rows), (12, columns) })
            BinaryPrimitives.WriteInt32BigEndian(file.AsSpan(at), value);
        return file;
    }

    private static byte[] Cifar(int count)
    {
        var file = new byte[count * 3073];
        new Random(2).NextBytes(file);
        for (int i = 0; i < count; i++)
            file[i * 3073] = (byte)(i % 10);
        return file;
    }

    private static byte[] Gzip(byte[] bytes)
    {
        using var packed = new MemoryStream();
        using (var stream = new GZipStream(packed, CompressionMode.Compress))
            stream.Write(bytes);
        return packed.ToArray();
    }

    private string Put(string name, byte[] bytes)
    {
        File.WriteAllBytes(_folder[name], bytes);
        return _folder[name];
    }
}
