using GpuTransformer.Host;
using GpuTransformer.Host.OpenCl;

namespace GpuTransformer.Tests;

[TestClass]
public sealed class OpenClPlatformsTests
{
    private static readonly OpenClDeviceFacts Good = new() { Name = "GPU", Version = "OpenCL 3.0 vendor", Type = 4 };

    [TestMethod]
    public void Without_a_loader_it_says_so()
        => StringAssert.Contains(Reasons(null).Single(), "no OpenCL loader");

    [TestMethod]
    public void A_loader_without_a_driver_is_explained()
    {
        StringAssert.Contains(Reasons(new FakeDriver { PlatformsError = -1001 }).Single(), "no driver is registered");
        StringAssert.Contains(Reasons(new FakeDriver()).Single(), "no driver is registered");
    }

    [TestMethod]
    public void Another_error_of_the_loader_is_reported()
        => StringAssert.Contains(Reasons(new FakeDriver { PlatformsError = -6 }).Single(), "out of host memory");

    [TestMethod]
    public void A_platform_without_devices_does_not_hide_the_others()
    {
        var driver = new FakeDriver { DevicesOf = { [1] = [], [2] = [Good, Good] } };
        DeviceDescription[] found = [.. Find(driver)];
        Assert.HasCount(3, found);
        StringAssert.Contains(found[0].UnavailableReason, "'platform 1' has no device");
        CollectionAssert.AreEqual(new[] { "opencl", "opencl:0", "opencl:1" }, found.Select(static d => d.Id).ToArray());
    }

    [TestMethod]
    public void A_device_that_has_all_it_needs_is_accepted()
        => Assert.IsNull(OpenClRequirements.Refuse(Good));

    [TestMethod]
    public void A_missing_generic_address_space_is_no_reason_to_refuse_but_is_noted()
    {
        OpenClDeviceFacts without = Good with { HasGenericAddressSpace = false };
        Assert.IsNull(OpenClRequirements.Refuse(without));
        StringAssert.Contains(OpenClRequirements.Note(without), "generic address space");
        Assert.IsNull(OpenClRequirements.Note(Good));
    }

    [TestMethod]
    public void What_a_device_lacks_is_named()
    {
        AssertRefused(Good with { IsEnabled = false }, "disabled");
        AssertRefused(Good with { HasCompiler = false }, "no compiler");
        AssertRefused(Good with { IsLittleEndian = false }, "big-endian");
        AssertRefused(Good with { AddressBits = 32 }, "32-bit");
        AssertRefused(Good with { Version = "OpenCL 1.2 old" }, "'OpenCL 1.2 old'");
        AssertRefused(Good with { MaxGroupSize = 64 }, "64 threads");
        AssertRefused(Good with { LocalMemoryBytes = 1024 }, $"1024 bytes of local memory, but kernels need {OpenClRequirements.LocalMemoryBytes}");
        AssertRefused(Good with { LocalMemoryBytes = OpenClRequirements.LocalMemoryBytes - 1 }, "local memory");
        Assert.IsNull(
            OpenClRequirements.Refuse(Good with { LocalMemoryBytes = OpenClRequirements.LocalMemoryBytes, MaxGroupSize = OpenClRequirements.GroupSize }));

        static void AssertRefused(OpenClDeviceFacts facts, string words) => StringAssert.Contains(OpenClRequirements.Refuse(facts), words);
    }

    [TestMethod]
    [DataRow("Oclgrind Simulator", true)]
    [DataRow("OCLGRIND simulator", true)]
    [DataRow("Oclgrind", false)]
    [DataRow("", false)]
    [DataRow(null, false)]
    public void Only_the_device_that_is_named_may_claim_an_older_OpenCL(string? accepted, bool taken)
    {
        OpenClDeviceFacts old = Good with { Name = "Oclgrind Simulator", Version = "OpenCL 1.2 (Oclgrind 21.10)" };
        Assert.AreEqual(taken, OpenClRequirements.Refuse(old, accepted) is null);
        StringAssert.Contains(OpenClRequirements.Refuse(old with { MaxGroupSize = 64 }, accepted), taken ? "64 threads" : "OpenCL 1.2");
    }

    [TestMethod]
    [DataRow("OpenCL 3.0 PoCL HSTR: x", 3, 0)]
    [DataRow("OpenCL 2.1", 2, 1)]
    [DataRow("OpenCL 1.2 CUDA", 1, 2)]
    [DataRow("", 0, 0)]
    [DataRow("OpenCL three", 0, 0)]
    public void Versions_are_read(string text, int major, int minor) => Assert.AreEqual(new Version(major, minor), OpenClRequirements.ParseVersion(text));

    private static IEnumerable<string?> Reasons(IOpenClDriver? driver) => Find(driver).Select(static d => d.UnavailableReason);

    private static IEnumerable<DeviceDescription> Find(IOpenClDriver? driver)
        => OpenClPlatforms.Find(
            driver, static (id, facts) => new DeviceCandidate(new DeviceDescription(id, DeviceKind.OpenCl, facts.Name, 0, 0, facts.IsGpu), null))
            .Select(static c => c.Description);

    private sealed class FakeDriver : IOpenClDriver
    {
        public int PlatformsError { get; init; }

        public SortedDictionary<nint, OpenClDeviceFacts[]> DevicesOf { get; } = [];

        public int Platforms(out nint[] platforms)
        {
            platforms = [.. DevicesOf.Keys];
            return PlatformsError;
        }

        public string PlatformName(nint platform) => $"platform {platform}";

        public int Devices(nint platform, out nint[] devices)
        {
            devices = [.. Enumerable.Range(0, DevicesOf[platform].Length).Select(static i => (nint)i)];
            return devices.Length == 0 ? -1 : 0;
        }

        public OpenClDeviceFacts Facts(nint platform, nint device) => DevicesOf[platform][device];
    }
}
