using System.Buffers.Binary;
using System.Text;
using GpuTransformer.Host;
using GpuTransformer.Modules;

namespace GpuTransformer.Tests.Modules;

/// <summary>The safetensors reader on good, damaged and hostile files, and the writer.</summary>
[TestClass]
public sealed class SafetensorsTests
{
    private readonly string _folder = Directory.CreateTempSubdirectory("safetensors").FullName;

    private string File1 => Path.Combine(_folder, "a.safetensors");

    [TestCleanup]
    public void Remove() => Directory.Delete(_folder, recursive: true);

    [TestMethod]
    [DataRow("F64", 2.5, new byte[] { 0, 0, 0, 0, 0, 0, 4, 0x40 })]
    [DataRow("F32", 2.5, new byte[] { 0, 0, 0x20, 0x40 })]
    [DataRow("F16", 2.5, new byte[] { 0, 0x41 })]
    [DataRow("BF16", 2.5, new byte[] { 0x20, 0x40 })]
    [DataRow("I64", -2.0, new byte[] { 0xFE, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF })]
    [DataRow("I32", -2.0, new byte[] { 0xFE, 0xFF, 0xFF, 0xFF })]
    [DataRow("BOOL", 1.0, new byte[] { 1 })]
    public void Reads_every_type(string type, double value, byte[] bytes)
    {
        WriteFile($$$"""{"__metadata__":{"k":"v"},"t":{"dtype":"{{{type}}}","shape":[1],"data_offsets":[0,{{{bytes.Length}}}]}}""", bytes);
        using SafetensorsReader reader = SafetensorsReader.Open(File1);
        Assert.AreEqual("v", reader.Metadata["k"]);
        CollectionAssert.AreEqual(new[] { value }, reader.ReadDoubles("t"));
        CollectionAssert.AreEqual(new[] { (float)value }, reader.ReadSingles("t"));
        using Tensor tensor = reader.ReadTensor("t", TestDevices.Get("cpu"));
        CollectionAssert.AreEqual(new[] { (float)value }, tensor.ToArray());
        Assert.AreEqual(reader["t"].Type.ToDType(), tensor.DType);
    }

    [TestMethod]
    [DataRow(1UL << 60, "1152921504606846976")]
    [DataRow(ulong.MaxValue, "18446744073709551615")]
    [DataRow(100UL, "100 bytes")]
    public void A_header_longer_than_the_file_is_refused_before_it_is_allocated(ulong claimed, string message)
    {
        byte[] file = new byte[32];
        BinaryPrimitives.WriteUInt64LittleEndian(file, claimed);
        File.WriteAllBytes(File1, file);
        long before = GC.GetAllocatedBytesForCurrentThread();
        CheckpointException exception = Assert.ThrowsExactly<CheckpointException>(() => SafetensorsReader.Open(File1));
        Assert.IsLessThan(100_000L, GC.GetAllocatedBytesForCurrentThread() - before);
        Contains(message, exception);
        Contains(File1, exception);
    }

    [TestMethod]
    [DataRow("""[]""", "not an object")]
    [DataRow("""{"t":""", "not valid JSON")]
    [DataRow("""{"\ud800":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}""", "not valid JSON")]
    [DataRow("""{"t":3}""", "the entry of 't' is a JSON Number")]
    [DataRow("""{"t":{"dtype":8,"shape":[2],"data_offsets":[0,8]}}""", "dtype 8, but it must be a word; readable are F64")]
    [DataRow("""{"t":{"dtype":"","shape":[2],"data_offsets":[0,8]}}""", "dtype \"\", but it must be a word")]
    [DataRow("""{"__metadata__":{"k":"a","k":"b"},"t":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}""", "'__metadata__' has the key 'k' twice")]
    [DataRow("""{"t":{"shape":[2],"data_offsets":[0,8]}}""", "dtype (missing)")]
    [DataRow("""{"t":{"dtype":"F32","shape":[-2],"data_offsets":[0,8]}}""", "length -2 on axis 0")]
    [DataRow("""{"t":{"dtype":"F32","shape":[2.5],"data_offsets":[0,8]}}""", "length 2.5 on axis 0")]
    [DataRow("""{"t":{"dtype":"F32","shape":[2147483647,2147483647,2147483647],"data_offsets":[0,8]}}""", "more elements than any file")]
    [DataRow("""{"t":{"dtype":"F32","shape":[4294967297],"data_offsets":[0,8]}}""", "length 4294967297")]
    [DataRow("""{"t":{"dtype":"F32","shape":2,"data_offsets":[0,8]}}""", "list of at most 16")]
    [DataRow("""{"t":{"dtype":"F32","shape":[3],"data_offsets":[0,8]}}""", "needs 12 bytes, but its offsets 0 to 8 hold 8")]
    [DataRow("""{"t":{"dtype":"F32","shape":[2],"data_offsets":[0,9]}}""", "the file holds 8 bytes of data")]
    [DataRow("""{"t":{"dtype":"F32","shape":[2],"data_offsets":[8,0]}}""", "bytes 8 to 0")]
    [DataRow("""{"t":{"dtype":"F32","shape":[2],"data_offsets":[-8,0]}}""", "bytes -8 to 0")]
    [DataRow("""{"t":{"dtype":"F32","shape":[2],"data_offsets":[0]}}""", "two integers")]
    [DataRow("""{"t":{"dtype":"F32","shape":[2],"data_offsets":[0,99999999999999999999]}}""", "two integers")]
    [DataRow("""{"t":{"dtype":"F32","shape":[2],"data_offsets":[0,8],"x":1}}""", "unknown field 'x'")]
    [DataRow("""{"t":{"dtype":"F32","dtype":"F32","shape":[2],"data_offsets":[0,8]}}""", "'dtype' twice")]
    [DataRow("""{"t":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"t":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}""", "key 't' occurs twice")]
    [DataRow("""{"t":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"u":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}""", "tensor 'u' overlaps tensor 't' by 4 bytes")]
    [DataRow("""{"t":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}""", "4 unclaimed bytes after tensor 't'")]
    [DataRow("""{"t":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}""", "4 unclaimed bytes between the header and tensor 't'")]
    [DataRow("""{"__metadata__":{"k":3},"t":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}""", "not a string")]
    public void A_damaged_header_is_a_clear_error(string header, string message)
    {
        WriteFile(header, new byte[8]);
        Contains(message, Assert.ThrowsExactly<CheckpointException>(() => SafetensorsReader.Open(File1)));
    }

    [TestMethod]
    public void Any_truncation_is_a_checkpoint_exception()
    {
        WriteFile("""{"t":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}""", new byte[8]);
        byte[] whole = File.ReadAllBytes(File1);
        for (int length = 0; length < whole.Length; length++)
        {
            File.WriteAllBytes(File1, whole[..length]);
            Assert.ThrowsExactly<CheckpointException>(() => SafetensorsReader.Open(File1), $"{length} of {whole.Length} bytes");
        }
    }

    /// <summary>No byte of the header can be changed into one that crashes the reader: it reads, or it says what is wrong.</summary>
    [TestMethod]
    public void Any_changed_byte_is_read_or_refused()
    {
        WriteFile(
            """{"a":{"dtype":"F32","shape":[1,1],"data_offsets":[0,4]},"b":{"dtype":"BOOL","shape":[4],"data_offsets":[4,8]}}""", [0, 0, 128, 63, 1, 0, 0, 1]);
        byte[] whole = File.ReadAllBytes(File1);
        var random = new Random(1);
        for (int i = 0; i < 500; i++)
        {
            byte[] changed = (byte[])whole.Clone();
            changed[random.Next(whole.Length - 8)] = (byte)random.Next(256);
            File.WriteAllBytes(File1, changed);
            try
            {
                using SafetensorsReader reader = SafetensorsReader.Open(File1);
                foreach (SafetensorsEntry entry in reader.Entries)
                    Assert.HasCount((int)entry.Shape.Count, reader.ReadSingles(entry.Name));
            }
            catch (CheckpointException)
            {
                // Refused.
            }
        }
    }

    [TestMethod]
    public void A_boolean_that_is_neither_zero_nor_one_is_refused()
    {
        WriteFile("""{"t":{"dtype":"BOOL","shape":[2],"data_offsets":[0,2]}}""", [1, 2]);
        using SafetensorsReader reader = SafetensorsReader.Open(File1);
        Contains("element 1 is the byte 2", Assert.ThrowsExactly<CheckpointException>(() => reader.ReadTensor("t", TestDevices.Get("cpu"))));
    }

    [TestMethod]
    public void A_missing_file_or_tensor_is_named()
    {
        Contains("nowhere.safetensors", Assert.ThrowsExactly<CheckpointException>(() => SafetensorsReader.Open(Path.Combine(_folder, "nowhere.safetensors"))));
        WriteFile("{}", []);
        using SafetensorsReader reader = SafetensorsReader.Open(File1);
        Contains("no tensor 'q'", Assert.ThrowsExactly<CheckpointException>(() => reader.ReadSingles("q")));
    }

    [TestMethod, DeviceRows]
    public void What_is_written_is_read_back_bit_by_bit(string id)
    {
        ComputeDevice device = TestDevices.Get(id);
        using StepScope step = device.BeginStep();
        (string Name, Tensor Value)[] tensors =
        [
            ("float", Tensor.From(device, [2, 3], [1f, -0f, 1e-40f, float.MaxValue, MathF.PI, 3e-8f])),
            ("half", Tensor.From(device, [3], [0.1f, -6.1e-5f, 65504f], DType.Float16)),
            ("brain", Tensor.From(device, [1, 2], [0.1f, 3e38f], DType.BFloat16)),
            ("int", Tensor.From(device, [2], [int.MinValue, 7])),
            ("long", Tensor.From(device, [], [long.MinValue + 1])),
            ("flags", Tensor.From(device, [2, 0, 1], ReadOnlySpan<bool>.Empty)),
            ("mask", Tensor.From(device, [3], [true, false, true])),
        ];
        SafetensorsWriter.Write(File1, tensors, new Dictionary<string, string> { ["made by"] = "test" });
        using SafetensorsReader reader = SafetensorsReader.Open(File1);
        Assert.AreEqual("test", reader.Metadata["made by"]);
        Assert.AreEqual(0, reader.Entries[0].FileOffset % 8);
        foreach ((string name, Tensor value) in tensors)
        {
            Tensor read = reader.ReadTensor(name, device);
            Assert.AreEqual(value.DType, read.DType);
            Assert.AreEqual(value.Shape, read.Shape);
            if (value.DType is DType.Int32 or DType.Int64)
                CollectionAssert.AreEqual(value.ToInt64Array(), read.ToInt64Array(), name);
            else
                CollectionAssert.AreEqual(
                    Array.ConvertAll(value.ToArray(), BitConverter.SingleToInt32Bits), Array.ConvertAll(read.ToArray(), BitConverter.SingleToInt32Bits), name);
        }
    }

    [TestMethod]
    public void A_failed_write_leaves_the_old_file_and_nothing_else()
    {
        ComputeDevice device = TestDevices.Get("cpu");
        using Tensor good = Tensor.From(device, [1], [1f]);
        Tensor gone = Tensor.From(device, [1], [2f]);
        SafetensorsWriter.Write(File1, [("t", good)]);
        byte[] before = File.ReadAllBytes(File1);
        gone.Dispose();
        Assert.Throws<Exception>(() => SafetensorsWriter.Write(File1, [("t", good), ("u", gone)]));
        CollectionAssert.AreEqual(before, File.ReadAllBytes(File1));
        Assert.HasCount(1, Directory.GetFiles(_folder));
        Assert.ThrowsExactly<ArgumentException>(() => SafetensorsWriter.Write(File1, [("t", good), ("t", good)]));
    }

    private static void Contains(string part, Exception exception) => Assert.Contains(part, exception.Message);

    private void WriteFile(string header, byte[] data)
    {
        byte[] json = Encoding.UTF8.GetBytes(header), length = new byte[8];
        BinaryPrimitives.WriteInt64LittleEndian(length, json.Length);
        File.WriteAllBytes(File1, [.. length, .. json, .. data]);
    }
}
