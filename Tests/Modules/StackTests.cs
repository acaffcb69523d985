using GpuTransformer.Host;
using GpuTransformer.Modules;

namespace GpuTransformer.Tests.Modules;

/// <summary>Stacks: what they compute where no golden file reaches, what they cost, and what they say when called wrongly.</summary>
[TestClass]
public sealed class StackTests
{
    private static readonly AttentionLayersOptions s_seed = new()
    {
        Dim = 256, Depth = 4, Heads = 4, AlibiPosBias = true, CrossAttend = true, CrossAttn = new() { DimContext = 512 },
    };

    private static readonly AttentionLayersOptions s_small = new()
    {
        Dim = 16, Depth = 2, Heads = 2, Attn = new() { DimHead = 8 }, Ff = new() { Mult = 2 }, AlibiPosBias = true, CrossAttend = true,
        CrossAttn = new() { DimHead = 8, DimContext = 24 },
    };

    [TestMethod]
    public void The_seed_model_has_x_transformers_parameters()
    {
        using var model = new Encoder(s_seed, TestDevices.Get("cpu"));
        (string Name, Tensor Value)[] parameters = [.. model.NamedParameters()];
        Assert.HasCount(61, parameters);
        Assert.AreEqual(4_727_040, model.ParameterCount);
        Assert.AreEqual("layers.0.0.0.gamma", parameters[0].Name);
        Assert.AreEqual("layers.1.1.to_k.weight", parameters[7].Name);
        Assert.AreEqual(new Shape(256, 512), parameters[7].Value.Shape);
        Assert.AreEqual("final_norm.gamma", parameters[^1].Name);
        Assert.AreEqual(524_288, ModelFacts.RectangularParameters(s_seed));
        Assert.AreEqual(4_727_040, ModelFacts.Parameters(model).Sum(static f => f.Parameters));
        Assert.HasCount(13, ModelFacts.Parameters(model));
    }

    [TestMethod]
    public void Initial_values_are_as_wide_as_x_transformers()
    {
        using var model = new Encoder(s_small, TestDevices.GetSettled("cpu"), seed: 3);
        Dictionary<string, float[]> values = model.NamedParameters().ToDictionary(static p => p.Name, static p => p.Value.ToArray());
        Assert.IsTrue(values["layers.0.0.0.gamma"].All(static v => v == 0f), "Gains are stored minus one.");
        float[] toK = values["layers.1.1.to_k.weight"];
        float bound = 1f / MathF.Sqrt(24);
        Assert.IsTrue(toK.All(v => MathF.Abs(v) <= bound));
        Assert.IsGreaterThan(0.95f * bound, toK.Max());
        Assert.AreEqual(bound / MathF.Sqrt(3), MathF.Sqrt(toK.Average(static v => v * v)), 0.1f * bound);
        using var again = new Encoder(s_small, TestDevices.GetSettled("cpu"), seed: 3);
        using var other = new Encoder(s_small, TestDevices.GetSettled("cpu"), seed: 4);
        CollectionAssert.AreEqual(toK, again.NamedParameters().First(static p => p.Name == "layers.1.1.to_k.weight").Value.ToArray());
        CollectionAssert.AreNotEqual(toK, other.NamedParameters().First(static p => p.Name == "layers.1.1.to_k.weight").Value.ToArray());
    }

    [TestMethod, DeviceRows]
    public void The_second_call_allocates_no_device_memory_and_compiles_nothing(string id)
    {
        ComputeDevice device = TestDevices.GetSettled(id);
        using var model = new Encoder(s_small, device);
        using Tensor x = Random(device, 1, [2, 5, 16]), context = Random(device, 2, [2, 7, 24]);
        using Tensor mask = Tensor.From(device, [2, 5], [true, true, true, true, false, true, false, true, true, true]);
        using (Tensor first = model.Forward(x, context, mask))
            first.ToArray();
        (long allocations, long compiled, long inUse) = (device.Statistics.Allocations, device.Statistics.CompiledKernels, device.Statistics.BytesInUse);
        using (Tensor second = model.Forward(x, context, mask))
            second.ToArray();
        Assert.AreEqual(allocations, device.Statistics.Allocations);
        Assert.AreEqual(compiled, device.Statistics.CompiledKernels);
        Assert.AreEqual(inUse, device.Statistics.BytesInUse, "Everything but the result goes back to the pool.");
    }

    [TestMethod]
    [DataRow(1, 64, 128, "Float32")]
    [DataRow(3, 100, 40, "Float32")]
    [DataRow(2, 64, 64, "BFloat16")]
    public void The_estimated_memory_is_the_measured_one(int batch, int length, int contextLength, string type)
    {
        ComputeDevice device = TestDevices.GetSettled("cpu");
        DType dtype = Enum.Parse<DType>(type);
        using var model = new Encoder(s_seed with { Depth = 2 }, device, 0, dtype);
        using Tensor x = Random(device, 1, [batch, length, 256], dtype), context = Random(device, 2, [batch, contextLength, 512], dtype);
        device.Statistics.ResetPeak();
        long before = device.Statistics.BytesInUse;
        using Tensor y = model.Forward(x, context);
        long measured = device.Statistics.PeakBytesInUse - before;
        long estimated = ActivationMemory.Estimate(model.Options, batch, length, contextLength, dtype).Inference;
        Assert.IsLessThan(0.13, Math.Abs(measured - estimated) / (double)measured, $"measured {measured}, estimated {estimated}");
    }

    [TestMethod]
    public void The_largest_batch_fits_and_one_more_does_not()
    {
        long room = 1L << 30;
        int batch = ActivationMemory.LargestBatch(s_seed, 4_727_040, 64, 128, room);
        ActivationMemory fits = ActivationMemory.Estimate(s_seed, batch, 64, 128), tooMuch = ActivationMemory.Estimate(s_seed, batch + 1, 64, 128);
        double free = 0.9 * room - 4 * 4_727_040;
        Assert.IsLessThanOrEqualTo(free, 1.125 * (fits.Inputs + fits.Inference));
        Assert.IsGreaterThan(free, 1.125 * (tooMuch.Inputs + tooMuch.Inference));
        Assert.AreEqual(0, ActivationMemory.LargestBatch(s_seed, 4_727_040, 64, 128, 1 << 20));
    }

    [TestMethod, DeviceRows]
    public void What_is_hidden_changes_nothing(string id)
    {
        ComputeDevice device = TestDevices.Get(id);
        using StepScope step = device.BeginStep();
        using var model = new Encoder(s_small, device, seed: 5);
        Tensor x = Random(device, 1, [1, 5, 16]), mask = Tensor.From(device, [1, 5], [true, true, true, false, false]);
        float[] values = Random(device, 2, [1, 6, 24]).ToArray();
        Tensor contextMask = Tensor.From(device, [1, 6], [true, false, true, true, false, true]);
        float[] changed = (float[])values.Clone();
        for (int i = 0; i < 24; i++)
            changed[24 + i] = changed[4 * 24 + i] = 1e6f;
        float[] expected = model.Forward(x, Tensor.From(device, [1, 6, 24], values), mask, contextMask).ToArray();
        CollectionAssert.AreEqual(expected, model.Forward(x, Tensor.From(device, [1, 6, 24], changed), mask, contextMask).ToArray());
        float[] pairs = model.Forward(x, Tensor.From(device, [1, 6, 24], changed), mask, crossAttnMask: Broadcast(contextMask, 5)).ToArray();
        for (int i = 0; i < expected.Length; i++)
            Assert.AreEqual(expected[i], pairs[i], 1e-5f, "A pair mask with the same rows is the same mask.");
    }

    [TestMethod, DeviceRows]
    public void A_model_with_no_visible_key_is_its_feedforwards_alone(string id)
    {
        ComputeDevice device = TestDevices.Get(id);
        using StepScope step = device.BeginStep();
        using var model = new Encoder(s_small, device, seed: 5);
        Tensor x = Random(device, 1, [1, 3, 16]), none = Tensor.From(device, [1, 3], new bool[3]);
        float[] first = model.Forward(
            x, Random(device, 2, [1, 4, 24]), none).ToArray(), second = model.Forward(x, Random(device, 3, [1, 9, 24]), none).ToArray();
        float[] empty = model.Forward(x, Tensor.Empty(device, [1, 0, 24]), none).ToArray();
        Assert.IsTrue(first.All(float.IsFinite));
        CollectionAssert.AreEqual(first, second);
        CollectionAssert.AreEqual(first, empty);
    }

    [TestMethod, DeviceRows("Float16"), DeviceRows("BFloat16")]
    public void A_two_byte_model_is_near_the_float_one(string id, string type)
    {
        ComputeDevice device = TestDevices.Get(id);
        DType dtype = Enum.Parse<DType>(type);
        using StepScope step = device.BeginStep();
        using var exact = new Encoder(s_small, device, seed: 7);
        using var rounded = new Encoder(s_small, device, seed: 7, dtype);
        Tensor x = Random(device, 1, [2, 9, 16]), context = Random(device, 2, [2, 4, 24]);
        float[] expected = exact.Forward(x, context).ToArray();
        Tensor y = rounded.Forward(Operators.Cast(x, dtype), Operators.Cast(context, dtype));
        Assert.AreEqual(dtype, y.DType);
        float[] actual = y.ToArray();
        float tolerance = dtype == DType.Float16 ? 0.02f : 0.1f;
        for (int i = 0; i < expected.Length; i++)
            Assert.AreEqual(expected[i], actual[i], tolerance);
        Assert.Contains("the model computes in", Assert.ThrowsExactly<ArgumentException>(() => rounded.Forward(x, context)).Message);
    }

    [TestMethod]
    [DataRow("context width", "it is 20 wide, but the model's cross-attention was built for a context 24 wide. Set CrossAttn.DimContext")]
    [DataRow("context batch", "'context' has shape [1, 7, 24], but an input [2, 5, 16] needs [2, contextLength, 24]")]
    [DataRow("no context", "'context' is missing: the model has cross-attention and needs a context [2, contextLength, 24]")]
    [DataRow("superfluous context", "the model has no cross-attention and would ignore it: set CrossAttend = true")]
    [DataRow("mask length", "'mask' has shape [2, 4], but it needs [2, 5]")]
    [DataRow("mask batch", "'mask' has shape [1, 5], but it needs [2, 5]")]
    [DataRow("mask type", "'mask' holds Float32, but masks are Bool")]
    [DataRow("context mask", "'contextMask' has shape [2, 5], but it needs [2, 7]")]
    [DataRow("attn mask", "'attnMask' has shape [5, 7], but it needs [queries, keys]")]
    [DataRow("x width", "'x' has shape [2, 5, 15], but the model needs a last axis of 16")]
    [DataRow("x rank", "'x' has shape [5, 16], but the model needs [batch, sequence, 16]")]
    [DataRow("bias", "'attnBias' is a second position bias beside AlibiPosBias")]
    [DataRow("condition", "the model has no adaptive norm")]
    [DataRow("pos", "'pos' is Float32 [4], but positions for [2, 5, 16] are numbers [5], [2, 5] or [2, 2, 5]")]
    [DataRow("other device", "is on opencl")]
    public void A_wrong_call_says_what_would_be_right(string what, string message)
    {
        ComputeDevice device = TestDevices.Get("cpu");
        using StepScope step = device.BeginStep();
        using var model = new Encoder(s_small, device);
        using var plain = new Encoder(new AttentionLayersOptions { Dim = 16, Depth = 1, Heads = 2, Attn = new() { DimHead = 8 } }, device);
        Tensor x = Tensor.Zeros(device, [2, 5, 16]), context = Tensor.Zeros(device, [2, 7, 24]);
        Tensor Flags(int batch, int length) => Tensor.Zeros(device, [batch, length], DType.Bool);
        Action call = what switch
        {
            "context width" => () => model.Forward(x, Tensor.Zeros(device, [2, 7, 20])),
            "context batch" => () => model.Forward(x, Tensor.Zeros(device, [1, 7, 24])),
            "no context" => () => model.Forward(x),
            "superfluous context" => () => plain.Forward(x, context),
            "mask length" => () => model.Forward(x, context, Flags(2, 4)),
            "mask batch" => () => model.Forward(x, context, Flags(1, 5)),
            "mask type" => () => model.Forward(x, context, Tensor.Zeros(device, [2, 5])),
            "context mask" => () => model.Forward(x, context, contextMask: Flags(2, 5)),
            "attn mask" => () => model.Forward(x, context, attnMask: Flags(5, 7)),
            "x width" => () => plain.Forward(Tensor.Zeros(device, [2, 5, 15])),
            "x rank" => () => plain.Forward(Tensor.Zeros(device, [5, 16])),
            "bias" => () => model.Forward(x, context, attnBias: Tensor.Zeros(device, [5, 5])),
            "condition" => () => plain.Forward(x, condition: Tensor.Zeros(device, [2, 16])),
            "pos" => () => model.Forward(x, context, pos: Tensor.Zeros(device, [4])),
            _ => () => plain.Forward(Tensor.Zeros(TestDevices.Get("opencl"), [2, 5, 16])),
        };
        long launches = device.Statistics.Launches;
        Assert.Contains(message, Assert.ThrowsExactly<ArgumentException>(call).Message);
        Assert.AreEqual(launches, device.Statistics.Launches, "Nothing is launched.");
        step.Dispose(); // Throws if the failed call left a scope open.
    }

    [TestMethod]
    public void Alibi_slopes_are_x_transformers()
    {
        CollectionAssert.AreEqual(new[] { 1f / 256 }, AlibiSlopes.For(1));
        CollectionAssert.AreEqual(new[] { 1f / 16, 1f / 256, 1f / 4 }, AlibiSlopes.For(3));
        CollectionAssert.AreEqual(new[] { 1f / 4, 1f / 16, 1f / 64, 1f / 256, 1f / 2, 1f / 8 }, AlibiSlopes.For(6));
        Assert.AreEqual(0.70710677f, AlibiSlopes.For(12)[8]);
        Assert.AreEqual(1f / 2, AlibiSlopes.For(8)[0]);
    }

    private static Tensor Broadcast(Tensor keyMask, int queries)
    {
        bool[] row = keyMask.ToBoolArray();
        return Tensor.From(keyMask.Device, [queries, row.Length], [.. Enumerable.Repeat(row, queries).SelectMany(static r => r)]);
    }

    private static Tensor Random(ComputeDevice device, int seed, Shape shape, DType dtype = DType.Float32)
    {
        var random = new Random(seed);
        var values = new float[shape.Count];
        for (int i = 0; i < values.Length; i++)
            values[i] = random.NextSingle() * 2 - 1;
        return Tensor.From(device, shape, values, dtype);
    }
}
