using System.Buffers.Binary;
using System.Text;
using GpuTransformer.Host;
using GpuTransformer.Modules;

namespace GpuTransformer.Tests.Modules.Checkpoints;

/// <summary>What a file holds besides what is asked for does not matter: types that cannot be read, tied tensors stored once.</summary>
[TestClass]
public sealed class StoredTypesTests
{
    private readonly string _folder = Directory.CreateTempSubdirectory("types").FullName;

    private string File1 => Path.Combine(_folder, "a.safetensors");

    [TestCleanup]
    public void Remove() => Directory.Delete(_folder, recursive: true);

    [TestMethod]
    [DataRow("F8_E4M3", 3)]
    [DataRow("F8_E5M2", 3)]
    [DataRow("F8", 3)]
    [DataRow("C64", 24)]
    [DataRow("U64", 24)]
    [DataRow("F4", 2)]
    [DataRow("SOMETHING_NEW", 5)]
    public void A_tensor_that_cannot_be_read_is_listed_and_its_neighbour_read(string type, int bytes)
    {
        Write(
            $$$"""{"good":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"odd":{"dtype":"{{{type}}}","shape":[3],"data_offsets":[8,{{{8 + bytes}}}]}}""",
            [0, 0, 0x20, 0x40, 0, 0, 128, 63, .. new byte[bytes]]);
        using SafetensorsReader reader = SafetensorsReader.Open(File1);
        CollectionAssert.AreEqual(new[] { 2.5f, 1f }, reader.ReadSingles("good"));
        Assert.AreEqual((SafetensorsType.Other, type, (long)bytes), (reader["odd"].Type, reader["odd"].TypeName, reader["odd"].Bytes));
        Assert.AreEqual("F32", reader["good"].TypeName);
        foreach (Action read in new Action[] { () => reader.ReadSingles("odd"), () => reader.ReadDoubles("odd"), ()
            => reader.ReadTensor("odd", TestDevices.Get("cpu")) })
        {
            string message = Assert.ThrowsExactly<CheckpointException>(read).Message;
            Assert.Contains($"'odd' of '{File1}' is stored as {type}", message);
            Assert.Contains("readable are F64, F32", message);
        }
    }

    [TestMethod]
    [DataRow("F8_E4M3", 4)]
    [DataRow("C64", 23)]
    [DataRow("U8", 4)]
    public void A_size_that_contradicts_a_known_type_is_refused(string type, int bytes)
    {
        Write($$$"""{"odd":{"dtype":"{{{type}}}","shape":[3],"data_offsets":[0,{{{bytes}}}]}}""", new byte[bytes]);
        Assert.Contains($"'odd', {type} [3], needs", Assert.ThrowsExactly<CheckpointException>(() => SafetensorsReader.Open(File1)).Message);
    }

    [TestMethod]
    [DataRow("U8", DType.Int32, 254L, new byte[] { 0xFE })]
    [DataRow("I8", DType.Int32, -2L, new byte[] { 0xFE })]
    [DataRow("U16", DType.Int32, 65534L, new byte[] { 0xFE, 0xFF })]
    [DataRow("I16", DType.Int32, -2L, new byte[] { 0xFE, 0xFF })]
    [DataRow("U32", DType.Int64, 4294967294L, new byte[] { 0xFE, 0xFF, 0xFF, 0xFF })]
    public void Integers_that_a_device_has_not_become_wider_ones(string type, DType dtype, long value, byte[] bytes)
    {
        Write($$$"""{"t":{"dtype":"{{{type}}}","shape":[1],"data_offsets":[0,{{{bytes.Length}}}]}}""", bytes);
        using SafetensorsReader reader = SafetensorsReader.Open(File1);
        CollectionAssert.AreEqual(new[] { (double)value }, reader.ReadDoubles("t"));
        using Tensor tensor = reader.ReadTensor("t", TestDevices.Get("cpu"));
        Assert.AreEqual(dtype, tensor.DType);
        CollectionAssert.AreEqual(new[] { value }, tensor.ToInt64Array());
    }

    [TestMethod]
    public void A_parameter_stored_as_what_is_not_real_is_named()
    {
        using var model = new Linear(1, 1, TestDevices.Get("cpu"));
        Write("""{"weight":{"dtype":"F8_E4M3","shape":[1,1],"data_offsets":[0,1]},"bias":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}}""", new byte[2]);
        string message = Assert.ThrowsExactly<CheckpointException>(() => model.Load(File1)).Message;
        Assert.Contains("weight is stored as F8_E4M3", message);
        Assert.Contains("bias is stored as U8", message);
    }

    [TestMethod]
    [DataRow("encoder.token_emb.emb.weight")]
    [DataRow("decoder.net.token_emb.emb.weight")]
    public void A_tied_tensor_saved_once_is_loaded(string dropped)
    {
        ComputeDevice device = TestDevices.Get("cpu");
        using XTransformer source = Tied(device, 1), target = Tied(device, 2);
        SafetensorsWriter.Write(File1, source.NamedParameters().Where(p => p.Name != dropped));
        target.Load(File1);
        foreach (((string name, Tensor expected), (_, Tensor actual)) in source.NamedParameters().Zip(target.NamedParameters()))
            CollectionAssert.AreEqual(expected.ToArray(), actual.ToArray(), name);

        SafetensorsWriter.Write(File1, source.NamedParameters().Where(static p => !p.Name.EndsWith("token_emb.emb.weight", StringComparison.Ordinal)));
        Assert.Contains("2 missing in the file", Assert.ThrowsExactly<CheckpointException>(() => target.Load(File1)).Message);
    }

    [TestMethod]
    public void Different_numbers_for_what_is_tied_are_refused()
    {
        ComputeDevice device = TestDevices.Get("cpu");
        using XTransformer source = Tied(device, 1), target = Tied(device, 2);
        float[] before = target.NamedParameters().First().Value.ToArray();
        using Tensor other = Tensor.Zeros(device, [7, 8]);
        SafetensorsWriter.Write(File1, source.NamedParameters().Select(p => p.Name == "decoder.net.token_emb.emb.weight" ? (p.Name, other) : p));
        string message = Assert.ThrowsExactly<CheckpointException>(() => target.Load(File1)).Message;
        Assert.Contains("'encoder.token_emb.emb.weight' and 'decoder.net.token_emb.emb.weight'", message);
        CollectionAssert.AreEqual(before, target.NamedParameters().First().Value.ToArray());
    }

    private static XTransformer Tied(ComputeDevice device, int seed)
    {
        var embedding = new TransformerWrapperOptions { NumTokens = 7, MaxSeqLen = 6 };
        var layers = new AttentionLayersOptions { Dim = 8, Depth = 1, Heads = 2, Attn = new() { DimHead = 4 }, Ff = new() { Mult = 1 } };
        return new XTransformer(
            new XTransformerOptions { Encoder = embedding, Decoder = embedding, EncoderLayers = layers, DecoderLayers = layers, TieTokenEmb = true },
            device,
            seed);
    }

    private void Write(string header, byte[] data)
    {
        byte[] json = Encoding.UTF8.GetBytes(header), file = new byte[8 + json.Length + data.Length];
        BinaryPrimitives.WriteInt64LittleEndian(file, json.Length);
        json.CopyTo(file, 8);
        data.CopyTo(file, 8 + json.Length);
        File.WriteAllBytes(File1, file);
    }
}
