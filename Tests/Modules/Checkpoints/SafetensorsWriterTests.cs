using GpuTransformer.Host;
using GpuTransformer.Modules;

namespace GpuTransformer.Tests.Modules.Checkpoints;

/// <summary>What the writer accepts the reader reads back equal; what the reader would refuse is refused before anything is written.</summary>
[TestClass]
public sealed class SafetensorsWriterTests
{
    private readonly string _folder = Directory.CreateTempSubdirectory("writer").FullName;

    private string File1 => Path.Combine(_folder, "a.safetensors");

    [TestCleanup]
    public void Remove() => Directory.Delete(_folder, recursive: true);

    [TestMethod]
    [DataRow("", "no name")]
    [DataRow("__metadata__", "taken by the format")]
    [DataRow("a{high}b", "half a surrogate pair")]
    [DataRow("{low}", "half a surrogate pair")]
    [DataRow("taken", "'taken' is taken")]
    public void A_name_that_no_file_can_hold_is_refused(string name, string message)
    {
        using Tensor tensor = Tensor.From(TestDevices.Get("cpu"), [1], [1f]);
        Refuses(message, [("taken", tensor), (Halves(name)!, tensor)], null);
    }

    [TestMethod]
    [DataRow("key", null, "null")]
    [DataRow("key", "{high}", "half a surrogate pair")]
    [DataRow("{high}", "value", "half a surrogate pair")]
    public void Metadata_that_no_file_can_hold_is_refused(string key, string? value, string message)
    {
        using Tensor tensor = Tensor.From(TestDevices.Get("cpu"), [1], [1f]);
        Refuses(message, [("t", tensor)], new Dictionary<string, string> { [Halves(key)!] = Halves(value)! });
    }

    [TestMethod]
    public void A_tensor_that_no_file_can_hold_is_refused()
    {
        ComputeDevice device = TestDevices.Get("cpu");
        using Tensor tensor = Tensor.From(device, new Shape([.. Enumerable.Repeat(1, 17)]), [1f]);
        Refuses("at most 16 axes", [("t", tensor)], null);
        Refuses("'t' is null", [("t", null!)], null);
    }

    /// <summary>Random names, shapes, types and metadata, good and bad: either an ArgumentException, or a file that reads back equal.</summary>
    [TestMethod]
    public void What_is_accepted_reads_back_equal()
    {
        ComputeDevice device = TestDevices.Get("cpu");
        var random = new Random(25);
        int accepted = 0, refused = 0;
        for (int i = 0; i < 300; i++)
        {
            using StepScope step = device.BeginStep();
            (string Name, Tensor Value)[] tensors = [.. Enumerable.Range(0, random.Next(4)).Select(_ => (Text(random), Value(random, device)))];
            var metadata = new Dictionary<string, string>();
            for (int k = random.Next(3); k > 0; k--)
                metadata[Text(random)] = Text(random);
            try
            {
                SafetensorsWriter.Write(File1, tensors, metadata);
            }
            catch (ArgumentException)
            {
                refused++;
                continue;
            }

            accepted++;
            using SafetensorsReader reader = SafetensorsReader.Open(File1);
            CollectionAssert.AreEquivalent(metadata.ToArray(), reader.Metadata.ToArray());
            CollectionAssert.AreEqual(tensors.Select(static t => t.Name).ToArray(), reader.Entries.Select(static e => e.Name).ToArray());
            foreach ((string name, Tensor value) in tensors)
            {
                Tensor read = reader.ReadTensor(name, device);
                Assert.AreEqual((value.Shape, value.DType), (read.Shape, read.DType));
                CollectionAssert.AreEqual(
                    Array.ConvertAll(value.ToArray(), BitConverter.SingleToInt32Bits), Array.ConvertAll(read.ToArray(), BitConverter.SingleToInt32Bits));
            }
        }

        Assert.IsGreaterThan(50, accepted);
        Assert.IsGreaterThan(50, refused);
    }

    // Short, so that names collide; now and then half a surrogate pair, a quote, a control character.
    private static string Text(Random random)
    {
        ReadOnlySpan<string> parts = ["a", "b", ".", "weight", "ü", "\ud83d\ude00", "\"", "\\", "\0", "\n", "__metadata__", "\ufffd", "\ud800", "\udc00"];
        string text = string.Empty;
        for (int i = random.Next(4); i > 0; i--)
            text += parts[random.Next(random.Next(8) == 0 ? parts.Length : parts.Length - 2)];
        return text;
    }

    private static Tensor Value(Random random, ComputeDevice device)
    {
        int[] lengths = new int[random.Next(12) == 0 ? random.Next(14, 20) : random.Next(4)];
        for (int i = 0; i < lengths.Length; i++)
            lengths[i] = lengths.Length > 4 ? 1 : random.Next(4);
        Shape shape = lengths;
        float[] values = [.. Enumerable.Range(0, (int)shape.Count).Select(_ => BitConverter.Int32BitsToSingle(random.Next()))];
        return random.Next(6) switch
        {
            0 => Tensor.From(device, shape, values),
            1 => Tensor.From(device, shape, Array.ConvertAll(values, static v => float.IsNaN(v) ? 0f : v), DType.Float16),
            2 => Tensor.From(device, shape, values, DType.BFloat16),
            3 => Tensor.From(device, shape, Array.ConvertAll(values, BitConverter.SingleToInt32Bits)),
            4 => Tensor.From(device, shape, Array.ConvertAll(values, static v => (long)BitConverter.SingleToInt32Bits(v) << 20)),
            _ => Tensor.From(device, shape, Array.ConvertAll(values, static v => BitConverter.SingleToInt32Bits(v) % 2 == 0)),
        };
    }

    // An attribute cannot hold half a surrogate pair either.
    private static string? Halves(string? text)
        => text?.Replace("{high}", "\ud800", StringComparison.Ordinal).Replace("{low}", "\udc00", StringComparison.Ordinal);

    private void Refuses(string message, (string Name, Tensor Value)[] tensors, IReadOnlyDictionary<string, string>? metadata)
    {
        File.WriteAllText(File1, "what was here before");
        Assert.Contains(message, Assert.ThrowsExactly<ArgumentException>(() => SafetensorsWriter.Write(File1, tensors, metadata)).Message);
        Assert.AreEqual("what was here before", File.ReadAllText(File1));
        Assert.HasCount(1, Directory.GetFiles(_folder));
    }
}
