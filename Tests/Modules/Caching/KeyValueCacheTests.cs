using System.Reflection;
using GpuTransformer.Host;
using GpuTransformer.Modules;

namespace GpuTransformer.Tests.Modules.Caching;

/// <summary>With a cache, a sequence may come in chunks: what each gives is what the whole gives.</summary>
[TestClass]
public sealed class KeyValueCacheTests
{
    // Float32 rounding, in sums of another order.
    private const float Rounding = 1e-5f;

    /// <summary>One row per stack.</summary>
    public static IEnumerable<object[]> Rows() => CacheCases.All().Select(static c => new object[] { c.Name });

    public static string DisplayName(MethodInfo method, object[] row) => $"{method.Name} ({row[0]})";

    [TestMethod]
    [DynamicData(nameof(Rows), DynamicDataDisplayName = nameof(DisplayName))]
    public void Chunks_give_what_the_whole_gives(string name) => Compare(name, "cpu");

    [TestMethod]
    [DeviceRows("rotary + two key heads")]
    [DeviceRows("xpos + left padding")]
    [DeviceRows("alibi + sink + window")]
    [DeviceRows("t5 + forgetting")]
    [DeviceRows("rotary + cross-attention with positions")]
    [DeviceRows("polar + memories")]
    [DeviceRows("none + contextual positions")]
    [DeviceRows("none + streams + three shifts")]
    public void So_they_do_on_every_device(string id, string name) => Compare(name, id);

    private static void Compare(string name, string id)
    {
        ComputeDevice device = TestDevices.Get(id);
        CacheCase which = CacheCases.Of(name);
        using StepScope step = device.BeginStep();
        using Decoder stack = CacheCases.Create(which, device);
        Tensor x = CacheCases.Random(device, 1, CacheCases.Batch, CacheCases.Length, CacheCases.Dim);
        Tensor all = Forward(stack, which, x, 0, CacheCases.Length, null);
        float[][] whole = [Part(all, 0, 4), Part(all, 4, 5), Part(all, 5, 6), Part(all, 6, 8)];
        float[][] chunks = InChunks(stack, which, x);
        for (int i = 0; i < whole.Length; i++)
            AssertClose(whole[i], chunks[i], $"chunk {i}");

        // Not because it forgets: another beginning gives another end.
        Tensor beginning = CacheCases.Random(device, 2, CacheCases.Batch, 6, CacheCases.Dim);
        float[][] other = InChunks(stack, which, Operators.Concatenate([beginning, x.Narrow(1, 6, 2)], 1));
        Assert.IsGreaterThan(100 * Rounding, Distance(other[3], chunks[3]), "The cache is not read.");
    }

    private static float[][] InChunks(Decoder stack, CacheCase which, Tensor x)
    {
        using var cache = new KeyValueCache();
        return [.. new[] { (0, 4), (4, 5), (5, 6), (6, 8) }.Select(part =>
        {
            Tensor chunk = Forward(stack, which, x, part.Item1, part.Item2, cache);
            Assert.AreEqual(part.Item2, cache.Length);
            return chunk.ToArray();
        })];
    }

    private static Tensor Forward(Decoder stack, CacheCase which, Tensor x, int from, int to, KeyValueCache? cache)
    {
        StackInputs inputs = which.Call(new StackInputs { Cache = cache }, new Chunk(x.Device, from, to));
        return stack.Forward(x.Narrow(1, from, to - from), inputs);
    }

    private static float[] Part(Tensor y, int from, int to) => y.Narrow(1, from, to - from).ToArray();

    private static void AssertClose(float[] expected, float[] actual, string what)
        => Assert.IsLessThanOrEqualTo(Rounding * expected.Max(MathF.Abs), Distance(expected, actual), what);

    private static float Distance(float[] expected, float[] actual) => expected.Zip(actual, static (a, b) => MathF.Abs(a - b)).Max();
}
