using GpuTransformer.Host;
using GpuTransformer.Host.Cuda;
using ILGPU.Runtime.Cuda;

namespace GpuTransformer.Tests;

[TestClass]
public sealed class CudaPlatformTests
{
    [TestMethod]
    public void Without_a_driver_it_says_so()
    {
        DeviceDescription only = CudaPlatform.Find(null, NeverDescribe).Single().Description;
        StringAssert.Contains(only.UnavailableReason, "no NVIDIA driver");
        Assert.AreEqual("cuda", only.Id);
    }

    [TestMethod]
    [DataRow(100, "sees no GPU")]
    [DataRow(34, "stub")]
    [DataRow(802, "fabricmanager")]
    [DataRow(803, "Restart")]
    [DataRow(804, "cuda-compat")]
    [DataRow(999, "error 999 (text of 999)")]
    public void An_error_of_the_driver_is_explained(int error, string words)
    {
        DeviceDescription only = CudaPlatform.Find(new FakeDriver { InitializeError = error }, NeverDescribe).Single().Description;
        StringAssert.Contains(only.UnavailableReason, words);
        StringAssert.Contains(only.UnavailableReason, "CUDA 12.4");
    }

    [TestMethod]
    public void A_driver_with_no_device_is_explained()
        => StringAssert.Contains(CudaPlatform.Find(new FakeDriver(), NeverDescribe).Single().Description.UnavailableReason, "CUDA_VISIBLE_DEVICES");

    [TestMethod]
    public void Counting_may_fail_too()
        => StringAssert.Contains(
            CudaPlatform.Find(new FakeDriver { CountError = 3, Count = 2 }, NeverDescribe).Single().Description.UnavailableReason, "error 3");

    [TestMethod]
    public void Each_device_is_looked_at()
    {
        var seen = new List<string>();
        IReadOnlyList<DeviceCandidate> found = CudaPlatform.Find(new FakeDriver { Count = 2 }, (ordinal, name) =>
        {
            seen.Add($"{ordinal} {name}");
            return new DeviceCandidate(new DeviceDescription($"cuda:{ordinal}", DeviceKind.Cuda, name, 0, 0, true), null);
        });
        Assert.HasCount(2, found);
        CollectionAssert.AreEqual(new[] { "0 GPU 0", "1 GPU 1" }, seen);
    }

    [TestMethod]
    [DataRow(8, 0, 10, 2, false)]
    [DataRow(8, 0, 11, 0, true)]
    [DataRow(9, 0, 12, 4, true)]
    [DataRow(12, 0, 13, 0, true)]
    [DataRow(6, 1, 8, 0, false)]
    public void A_driver_that_is_too_old_is_refused(int major, int minor, int driverMajor, int driverMinor, bool accepted)
    {
        string? refusal = CudaPlatform.Refuse(new CudaArchitecture(major, minor), CudaDriverVersion.FromMajorMinor(driverMajor, driverMinor));
        Assert.AreEqual(accepted, refusal is null, refusal);
        if (!accepted)
            StringAssert.Contains(refusal, $"CUDA {driverMajor}.{driverMinor}");
    }

    private static DeviceCandidate NeverDescribe(int ordinal, string name) => throw new AssertFailedException("There is no device to describe.");

    private sealed class FakeDriver : ICudaDriver
    {
        public int InitializeError { get; init; }

        public int CountError { get; init; }

        public int Count { get; init; }

        public int Initialize() => InitializeError;

        public int Version() => 12040;

        public int DeviceCount(out int count)
        {
            count = Count;
            return CountError;
        }

        public string DeviceName(int ordinal) => $"GPU {ordinal}";

        public string ErrorText(int error) => $"text of {error}";
    }
}
