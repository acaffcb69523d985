using GpuTransformer.Host;

namespace GpuTransformer.Tests;

[TestClass]
public sealed class DeviceDiscoveryTests
{
    [TestMethod]
    public void The_processor_is_always_there_and_carries_its_own_name()
    {
        DeviceDescription cpu = ComputeDevice.Discover().Single(static d => d.Kind == DeviceKind.Cpu);
        Assert.IsTrue(cpu.IsAvailable);
        Assert.AreEqual("cpu", cpu.Id);
        Assert.AreEqual(Environment.ProcessorCount, cpu.Units);
        Assert.IsGreaterThan(3, cpu.Name.Length, cpu.Name);
        Assert.AreEqual(cpu.Name.Trim('\0', ' '), cpu.Name);
    }

    [TestMethod]
    public void Every_kind_is_either_there_or_says_why_not()
    {
        IReadOnlyList<DeviceDescription> all = ComputeDevice.Discover();
        foreach (DeviceKind kind in new[] { DeviceKind.Cuda, DeviceKind.OpenCl, DeviceKind.Cpu })
            Assert.IsTrue(all.Any(d => d.Kind == kind), $"{kind} is not mentioned.");
        foreach (DeviceDescription left in all.Where(static d => !d.IsAvailable))
            Assert.IsGreaterThan(20, left.UnavailableReason!.Length, left.ToString());
        Assert.HasCount(all.Count(static d => d.IsAvailable), all.Where(static d => d.IsAvailable).Select(static d => d.Id).Distinct());
    }

    [TestMethod]
    public void Every_device_listed_as_usable_can_be_opened_by_its_id()
    {
        foreach (DeviceDescription description in ComputeDevice.Discover().Where(static d => d.IsAvailable))
        {
            using ComputeDevice device = ComputeDevice.Create(description.Id);
            Assert.AreEqual(description.Id, device.Id);
            Assert.AreEqual(description.Name, device.Description.Name);
        }
    }

    [TestMethod]
    public void A_device_that_is_not_here_is_refused_with_what_is()
    {
        var exception = Assert.ThrowsExactly<DeviceNotFoundException>(() => ComputeDevice.Create("cuda:97"));
        StringAssert.Contains(exception.Message, "cuda:97");
        StringAssert.Contains(exception.Message, "Usable:");
        StringAssert.Contains(exception.Message, "cpu (");
    }

    [TestMethod]
    public void A_kind_without_a_number_takes_the_first_usable_gpu_before_a_processor()
    {
        DeviceCandidate[] found =
        [
            Candidate("opencl:0", DeviceKind.OpenCl, isGpu: true, "broken"), Candidate("opencl:1", DeviceKind.OpenCl, isGpu: false),
            Candidate("opencl:2", DeviceKind.OpenCl, isGpu: true), Candidate("opencl:3", DeviceKind.OpenCl, isGpu: true),
        ];
        Assert.AreEqual("opencl:2", Choose("opencl"));
        Assert.AreEqual("opencl:0", Choose("opencl:0"), "a number means that device, whatever its state");
        Assert.AreEqual("opencl:1", Choose("opencl:1"));
        Assert.IsNull(Choose("opencl:4"));

        string? Choose(string id) => DeviceDiscovery.Choose(DeviceRequest.Parse(id), found)?.Description.Id;
    }

    [TestMethod]
    public void A_gpu_listed_twice_is_said_to_be_one()
    {
        IReadOnlyList<DeviceCandidate> noted = DeviceDiscovery.NoteSharedGpus(
            [Candidate("cuda:0", DeviceKind.Cuda, isGpu: true), Candidate("opencl:0", DeviceKind.OpenCl, isGpu: true)]);
        Assert.IsNull(noted[0].Description.Note);
        StringAssert.Contains(noted[1].Description.Note, "cuda:0");
    }

    [TestMethod]
    [DataRow(1)]
    [DataRow(3)]
    public void The_number_of_threads_can_be_chosen(int threads)
    {
        using ComputeDevice device = ComputeDevice.Create("cpu", new ComputeDeviceOptions { Threads = threads });
        Assert.AreEqual(threads, device.Workers);
        Assert.AreEqual(threads, device.Description.Units);
    }

    [TestMethod]
    public void No_threads_is_refused()
        => Assert.ThrowsExactly<ArgumentException>(() => ComputeDevice.Create("cpu", new ComputeDeviceOptions { Threads = 0 }));

    [TestMethod]
    public void Results_do_not_depend_on_the_number_of_threads()
    {
        float[] input = [.. Enumerable.Range(0, 50 * 443).Select(static i => MathF.Sin(i) * (i % 7))];
        float[][] results =
        [
            .. new[] { 1, 2, 5 }.Select(threads =>
            {
                using ComputeDevice device = ComputeDevice.Create("cpu", new ComputeDeviceOptions { Threads = threads });
                using Tensor x = Tensor.From(device, [50, 443], input);
                using Tensor y = Operators.LayerNorm(x, null);
                return y.ToArray();
            }),
        ];
        CollectionAssert.AreEqual(results[0], results[1]);
        CollectionAssert.AreEqual(results[0], results[2]);
    }

    private static DeviceCandidate Candidate(string id, DeviceKind kind, bool isGpu, string? reason = null)
        => new(new DeviceDescription(id, kind, "GeForce", 1, 1, isGpu, reason), null);
}
