using GpuTransformer.Host;

namespace GpuTransformer.Tests.Host;

[TestClass]
public sealed class DropoutTests
{
    private const int Count = 100_000;

    [TestMethod]
    [DeviceRows]
    public void The_share_that_is_kept_is_the_one_asked_for_and_the_mean_stays(string id)
    {
        using StepScope scope = TestDevices.Get(id).BeginStep();
        float[] output = Drop(id, seed: 1, stream: 2);
        Assert.AreEqual(0.7, output.Count(y => y != 0) / (double)Count, 0.006, "four standard deviations");
        Assert.IsTrue(output.All(y => y == 0 || Math.Abs(y - 1 / 0.7f) < 1e-6f));
    }

    [TestMethod]
    [DeviceRows]
    public void Seed_and_stream_decide_what_is_dropped(string id)
    {
        using StepScope scope = TestDevices.Get(id).BeginStep();
        float[] output = Drop(id, 1, 2);
        CollectionAssert.AreEqual(output, Drop(id, 1, 2));
        Assert.AreEqual(0.42, Different(Drop(id, 3, 2)), 0.01, "another seed");
        Assert.AreEqual(0.42, Different(Drop(id, 1, 3)), 0.01, "another stream");
        Assert.AreEqual(0.42, Different(Drop(id, 1UL << 40, 2)), 0.01, "the seed's upper half counts too");
        Assert.AreEqual(0.42, Different(Drop(id, 1, 2 | (1UL << 40))), 0.01, "the stream's upper half counts too");

        double Different(float[] other) => output.Zip(other).Count(p => p.First != p.Second) / (double)Count;
    }

    [TestMethod]
    [DeviceRows]
    public void Every_device_drops_the_same(string id)
    {
        using StepScope scope = TestDevices.Get(id).BeginStep(), cpu = TestDevices.Get("cpu").BeginStep();
        CollectionAssert.AreEqual(Drop("cpu", 1, 2), Drop(id, 1, 2));
    }

    [TestMethod]
    [DataRow(-0.1f)]
    [DataRow(1f)]
    [DataRow(float.NaN)]
    public void A_probability_out_of_range_is_refused(float probability)
    {
        ComputeDevice device = TestDevices.Get("cpu");
        using StepScope scope = device.BeginStep();
        Tensor input = Tensor.Zeros(device, [3]);
        ArgumentException error = Assert.ThrowsExactly<ArgumentException>(() => Operators.Dropout(input, probability, 1, 1));
        Assert.Contains("[0, 1)", error.Message);
    }

    private static float[] Drop(string id, ulong seed, ulong stream)
    {
        var ones = new float[Count];
        Array.Fill(ones, 1f);
        return Operators.Dropout(Tensor.From(TestDevices.Get(id), [Count], ones), 0.3f, seed, stream).ToArray();
    }
}
