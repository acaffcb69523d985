using GpuTransformer.Host;
using GpuTransformer.Modules;

namespace GpuTransformer.Tests.Modules.Caching;

/// <summary>What may be done with a cache between two calls: rows chosen, positions taken back, everything forgotten.</summary>
[TestClass]
public sealed class CacheStateTests
{
    private const float Rounding = 1e-5f;

    private static ComputeDevice Cpu => TestDevices.Get("cpu");

    [TestMethod, DeviceRows("rotary + cross-attention + masked memories"), DeviceRows("alibi + three shifts + forgetting + left padding")]
    public void Chosen_rows_go_on_as_if_they_had_been_there_from_the_start(string id, string name)
    {
        ComputeDevice device = TestDevices.Get(id);
        CacheCase which = CacheCases.Of(name);
        using StepScope step = device.BeginStep();
        using Decoder stack = CacheCases.Create(which, device);
        using var cache = new KeyValueCache();
        Tensor x = Numbers(device, 1, 6), end = CacheCases.Random(device, 2, 3, 2, CacheCases.Dim);
        int[] rows = [1, 0, 1];
        Forward(stack, which, x, 0, 6, cache);
        cache.Select(rows);
        Assert.AreEqual(3, cache.Batch);
        float[] actual = stack.Forward(end, Chosen(which.Call(new StackInputs(), new Chunk(device, 6, 8)), rows) with { Cache = cache }).ToArray();
        StackInputs all = Chosen(which.Call(new StackInputs(), new Chunk(device, 0, 8)), rows);
        float[] expected = stack.Forward(Operators.Concatenate([Rows(x, rows), end], 1), all).Narrow(1, 6, 2).ToArray();
        AssertClose(expected, actual, Rounding);
    }

    [TestMethod]
    [DataRow("rotary + cross-attention")]
    [DataRow("t5 + masked memories")]
    public void Positions_that_were_taken_back_leave_nothing_behind(string name)
    {
        CacheCase which = CacheCases.Of(name);
        using StepScope step = Cpu.BeginStep();
        using Decoder stack = CacheCases.Create(which, Cpu);
        using var cache = new KeyValueCache();
        Tensor x = Numbers(Cpu, 1, 8), draft = Numbers(Cpu, 2, 8);
        Forward(stack, which, Operators.Concatenate([x.Narrow(1, 0, 5), draft.Narrow(1, 5, 3)], 1), 0, 8, cache);
        cache.Truncate(5);
        Assert.AreEqual(5, cache.Length);
        AssertClose(Forward(stack, which, x, 0, 8, null).Narrow(1, 5, 3).ToArray(), Forward(stack, which, x, 5, 8, cache).ToArray(), Rounding);

        // With none left, it is as new: memories may come again.
        cache.Truncate(0);
        AssertClose(Forward(stack, which, draft, 0, 8, null).ToArray(), Forward(stack, which, draft, 0, 8, cache).ToArray(), Rounding);
    }

    [TestMethod]
    [DataRow("rotary + cross-attention + masked memories")]
    [DataRow("none + three shifts + forgetting")]
    public void A_cleared_cache_is_as_new_and_takes_no_more_memory(string name)
    {
        CacheCase which = CacheCases.Of(name);
        using StepScope step = Cpu.BeginStep();
        using Decoder stack = CacheCases.Create(which, Cpu);
        using var cache = new KeyValueCache();
        Tensor first = Numbers(Cpu, 1, 8), second = Numbers(Cpu, 2, 8);
        Forward(stack, which, first, 0, 8, cache);
        long bytes = cache.Bytes;
        cache.Clear();
        Assert.AreEqual(0, cache.Length + cache.Batch);
        Tensor[] chunks = [Forward(stack, which, second, 0, 3, cache), Forward(stack, which, second, 3, 8, cache)];
        AssertClose(Forward(stack, which, second, 0, 8, null).ToArray(), Operators.Concatenate(chunks, 1).ToArray(), Rounding);
        Assert.AreEqual(bytes, cache.Bytes);
    }

    [TestMethod, DeviceRows]
    public void It_grows_by_itself_and_has_as_many_bytes_as_it_says(string id)
    {
        ComputeDevice device = TestDevices.GetSettled(id);
        CacheCase which = CacheCases.Of("rotary + two key heads");
        using Decoder stack = CacheCases.Create(which, device);
        long before = device.Statistics.BytesInUse;
        using (var cache = new KeyValueCache(capacity: 1))
        {
            using (StepScope step = device.BeginStep())
            {
                Tensor x = Numbers(device, 1, 150);
                float[] whole = Forward(stack, which, x, 0, 150, null).ToArray();
                var chunks = new List<Tensor>();
                (int Until, int Rows)[] parts = [(63, 64), (64, 64), (70, 128), (128, 128), (129, 192), (150, 192)];
                int from = 0;
                foreach ((int until, int rows) in parts)
                {
                    chunks.Add(Forward(stack, which, x, from, until, cache));
                    from = until;

                    // Two self-attentions, keys and values, two heads of 8 float32 numbers each.
                    Assert.AreEqual(2 * 2 * (long)rows * CacheCases.Batch * 2 * 8 * sizeof(float), cache.Bytes, $"{until} positions");
                }

                AssertClose(whole, Operators.Concatenate(chunks, 1).ToArray(), Rounding);
            }

            Assert.AreEqual(before + cache.Bytes, device.Statistics.BytesInUse);
        }

        Assert.AreEqual(before, device.Statistics.BytesInUse, "A disposed cache gives all back.");
    }

    [TestMethod, DeviceRows("rotary + one key head"), DeviceRows("alibi + sink + cross-attention"), DeviceRows("none + contextual positions")]
    public void Keys_may_be_stored_in_half_of_the_bytes(string id, string name)
    {
        ComputeDevice device = TestDevices.Get(id);
        CacheCase which = CacheCases.Of(name);
        using StepScope step = device.BeginStep();
        using Decoder stack = CacheCases.Create(which, device);
        using KeyValueCache exact = new(), rounded = new(dtype: DType.BFloat16);
        Tensor x = Numbers(device, 1, 8);
        foreach ((int from, int to) in new[] { (0, 5), (5, 6), (6, 8) })
        {
            float[] expected = Forward(stack, which, x, from, to, exact).ToArray();
            Tensor actual = Forward(stack, which, x, from, to, rounded);
            Assert.AreEqual(DType.Float32, actual.DType);
            AssertClose(expected, actual.ToArray(), 0.02f);
            CollectionAssert.AreNotEqual(expected, actual.ToArray(), "They are rounded.");
        }

        Assert.AreEqual(exact.Bytes, 2 * rounded.Bytes);
    }

    [TestMethod]
    public void A_call_that_failed_half_way_has_not_been()
    {
        // The last layer refuses an order in which it is not the fourth, when the others have put their keys away.
        CacheCase which = CacheCases.Of("alibi + layer mixtures + three shifts + forgetting");
        using StepScope step = Cpu.BeginStep();
        using Decoder stack = CacheCases.Create(which, Cpu);
        using var cache = new KeyValueCache();
        Tensor x = Numbers(Cpu, 1, 8);
        void Fail(int from) => Assert.Contains("the order of layers", Assert.ThrowsExactly<InvalidOperationException>(
            () => stack.Forward(x.Narrow(1, from, 1), new StackInputs { Cache = cache, LayersExecuteOrder = [0, 1, 3] })).Message);
        Fail(0);
        Assert.AreEqual(0, cache.Length);
        var chunks = new List<Tensor> { Forward(stack, which, x, 0, 5, cache) };
        Fail(7);
        Assert.AreEqual(5, cache.Length);
        chunks.Add(Forward(stack, which, x, 5, 8, cache));
        AssertClose(Forward(stack, which, x, 0, 8, null).ToArray(), Operators.Concatenate(chunks, 1).ToArray(), Rounding);
    }

    [TestMethod]
    public void Rows_and_lengths_that_are_not_there_are_refused()
    {
        using StepScope step = Cpu.BeginStep();
        using var stack = new Decoder(CacheCases.Stack with { ShiftTokens = 1 }, Cpu);
        using var cache = new KeyValueCache();
        stack.Forward(Numbers(Cpu, 1, 3), new StackInputs { Cache = cache });
        Says("'rows' is empty", () => cache.Select([]));
        Says("'rows' holds 2, but the cache has the sequences 0 to 1", () => cache.Select([0, 2]));
        Says("'length' is 4, but 3 positions have passed", () => cache.Truncate(4));
        Says("'length' is -1", () => cache.Truncate(-1));
        Assert.Contains("ShiftTokens cannot be shortened", Assert.ThrowsExactly<InvalidOperationException>(() => cache.Truncate(2)).Message);
        cache.Truncate(3);
        Assert.AreEqual(3, cache.Length);
        Says("cannot be stored as Int32", () => new KeyValueCache(dtype: DType.Int32).Dispose());
        Assert.Throws<ArgumentOutOfRangeException>(static () => new KeyValueCache(-1).Dispose());
        cache.Dispose();
        Assert.Throws<ObjectDisposedException>(() => stack.Forward(Numbers(Cpu, 1, 1), new StackInputs { Cache = cache }));
    }

    private static void Says(string expected, Action call) => Assert.Contains(expected, Assert.Throws<ArgumentException>(call).Message);

    // What belongs to a sample, of those rows.
    private static StackInputs Chosen(StackInputs inputs, int[] rows) => inputs with
    {
        Context = Rows(inputs.Context, rows),
        ContextMask = Rows(inputs.ContextMask, rows),
        SeqStartPos = Rows(inputs.SeqStartPos, rows),
        Mems = inputs.Mems?.Select(m => Rows(m, rows)).ToArray(),
        MemMasks = inputs.MemMasks?.Select(m => Rows(m, rows)).ToArray(),
    };

    [return: System.Diagnostics.CodeAnalysis.NotNullIfNotNull(nameof(tensor))]
    private static Tensor? Rows(Tensor? tensor, int[] rows)
    {
        if (tensor is null)
            return null;
        Shape shape = [rows.Length, .. tensor.Shape.Lengths[1..]];
        int width = (int)(tensor.Shape.Count / tensor.Shape[0]);
        if (tensor.DType == DType.Bool)
            return Tensor.From(tensor.Device, shape, [.. rows.SelectMany(row => tensor.ToBoolArray().AsSpan(row * width, width).ToArray())]);
        float[] numbers = [.. rows.SelectMany(row => tensor.ToArray().AsSpan(row * width, width).ToArray())];
        return tensor.DType == DType.Int32
            ? Tensor.From(tensor.Device, shape, Array.ConvertAll(numbers, static n => (int)n))
            : Tensor.From(tensor.Device, shape, numbers);
    }

    private static Tensor Numbers(ComputeDevice device, int seed, int length) => CacheCases.Random(device, seed, CacheCases.Batch, length, CacheCases.Dim);

    private static Tensor Forward(Decoder stack, CacheCase which, Tensor x, int from, int to, KeyValueCache? cache)
        => stack.Forward(x.Narrow(1, from, to - from), which.Call(new StackInputs { Cache = cache }, new Chunk(x.Device, from, to)));

    private static void AssertClose(float[] expected, float[] actual, float relative)
    {
        Assert.HasCount(expected.Length, actual);
        Assert.IsLessThanOrEqualTo(relative * expected.Max(MathF.Abs), expected.Zip(actual, static (a, b) => MathF.Abs(a - b)).Max());
    }
}
