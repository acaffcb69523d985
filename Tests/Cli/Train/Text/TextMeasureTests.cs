using System.IO.Compression;
using System.Text;
using GpuTransformer.Cli.Train.Text;
using GpuTransformer.Host;
using GpuTransformer.Modules;

namespace GpuTransformer.Tests.Cli.Train.Text;

[TestClass]
public sealed class TextMeasureTests
{
    private static readonly TextSettings s_tiny = new() { Length = 12, Dim = 16, Depth = 1, Heads = 1, Seed = 5 };

    [TestMethod]
    public void Bits_are_natural_logarithms_by_that_of_two()
    {
        Assert.AreEqual(8, BitsPerByte.OfLoss(Math.Log(256)), 1e-12);
        Assert.AreEqual(1, BitsPerByte.OfLoss(Math.Log(2)), 1e-12);
    }

    [TestMethod]
    public void The_table_of_pairs_agrees_with_a_count_by_hand()
    {
        // Learned: abab → ab twice, ba once. Asked: a after b, b after a, c after b, a after c.
        var table = new BigramTable("abab"u8);
        double afterA = 2 + 25.6, afterB = 1 + 25.6;
        double bits = -(Math.Log2(1.1 / afterB) + Math.Log2(2.1 / afterA) + Math.Log2(0.1 / afterB) + Math.Log2(0.1 / 25.6)) / 4;
        Assert.AreEqual(bits, table.BitsPerByte("-babca"u8, 2), 1e-12);
    }

    [TestMethod]
    public void The_table_of_an_unseen_byte_guesses_among_all()
        => Assert.AreEqual(8, new BigramTable("aaaa"u8).BitsPerByte("xyz"u8, 1), 1e-12);

    [TestMethod]
    public void Gzip_is_what_a_gzip_file_of_the_text_holds()
    {
        byte[] text = Encoding.UTF8.GetBytes(string.Concat(Enumerable.Range(0, 2000).Select(static i => $"line {i * i % 977}\n")));
        var data = new TextData(text, 16);
        (double alone, double after) = GzipBaseline.BitsPerByte(data);
        Assert.AreEqual(8.0 * Gzip(data.HeldOut.ToArray()) / data.HeldOut.Length, alone, 1e-12);
        Assert.AreEqual(8.0 * (Gzip(text) - Gzip(data.Training.ToArray())) / data.HeldOut.Length, after, 1e-12);
        Assert.IsLessThan(alone, after, "What came before helps.");
    }

    [TestMethod]
    [DataRow(1)]
    [DataRow(5)]
    [DataRow(11)]
    public void The_models_bits_are_the_mean_over_every_byte(int stride)
    {
        using ComputeDevice device = ComputeDevice.Create("cpu");
        using AutoregressiveWrapper model = TextModel.Create(s_tiny, device);
        byte[] text = new byte[60];
        new Random(1).NextBytes(text);
        const int Start = 20, End = 57;

        // Byte by byte, each with what its window shows of the text before it.
        double expected = 0;
        for (int at = Start; at < End; at++)
        {
            int last = Math.Min(Start + ((at - Start) / stride + 1) * stride, End), first = last - s_tiny.Length;
            expected -= Math.Log2(Probability(model, text[first..at], text[at]));
        }

        double bits = BitsPerByte.OfModel(model.Net, text, new TextWindows(Start, End, s_tiny.Length, stride), s_tiny.Length, batchSize: 3);
        Assert.AreEqual(expected / (End - Start), bits, 1e-5);
    }

    [TestMethod]
    public void A_long_sample_is_written_in_parts_that_see_the_end_of_what_is_there()
    {
        using ComputeDevice device = ComputeDevice.Create("cpu");
        using AutoregressiveWrapper model = TextModel.Create(s_tiny, device);
        byte[] written = TextSample.Write(model, "a prompt longer than a window"u8, 20, s_tiny with { Temperature = 0 });
        Assert.HasCount(20, written);

        // The likeliest byte, always: a part of six after the last six bytes.
        var all = new List<byte>("a prompt longer than a window"u8.ToArray());
        for (int i = 0; i < 20; i++)
        {
            byte[] seen = [.. all.Skip(all.Count - 6 - i % 6)];
            all.Add((byte)Enumerable.Range(0, 256).MaxBy(b => Probability(model, seen, (byte)b)));
        }

        CollectionAssert.AreEqual(all.TakeLast(20).ToArray(), written);
        byte[] drawn = TextSample.Write(model, "x"u8, 30, s_tiny with { Temperature = 1 });
        CollectionAssert.AreEqual(drawn, TextSample.Write(model, "x"u8, 30, s_tiny with { Temperature = 1 }));
        CollectionAssert.AreNotEqual(drawn, TextSample.Write(model, "x"u8, 30, s_tiny with { Temperature = 1, Seed = 6 }));
    }

    [TestMethod]
    public void A_sample_cannot_move_the_cursor()
        => Assert.AreEqual("a\uFFFD[2J\tb\né\uFFFD", TextSample.Printable([(byte)'a', 27, .. "[2J\tb\r\né"u8, 0xC3]));

    private static double Probability(AutoregressiveWrapper model, byte[] seen, byte next)
    {
        using StepScope scope = model.Device.BeginStep();
        int[] ids = [.. seen.Select(static b => (int)b)];
        float[] logits = model.Net.Forward(Tensor.From(model.Device, [1, ids.Length], ids)).ToArray()[^256..];
        double largest = logits.Max();
        return Math.Exp(logits[next] - largest) / logits.Sum(l => Math.Exp(l - largest));
    }

    private static long Gzip(byte[] text)
    {
        using var compressed = new MemoryStream();
        using (var gzip = new GZipStream(compressed, CompressionLevel.SmallestSize))
            gzip.Write(text);
        return compressed.ToArray().Length;
    }
}
