using System.Globalization;
using ILGPU.Runtime.OpenCL;

namespace GpuTransformer.Host.OpenCl;

/// <summary>Finds the OpenCL devices of all platforms and says of those that cannot be used why, and what would help.</summary>
internal static class OpenClPlatforms
{
    private const int NoPlatform = -1001;

    private static readonly string InstallADriver = OperatingSystem.IsLinux()
        ? "Install the GPU vendor's OpenCL driver or, to use the processor, PoCL (Debian and Ubuntu: apt-get install pocl-opencl-icd)."
        : "Install the GPU vendor's driver.";

    /// <summary>The devices of this machine.</summary>
    public static IReadOnlyList<DeviceCandidate> Find()
    {
        NativeDrivers.Install();
        try
        {
            return Find(OpenClDriver.Load(), Describe);
        }
        catch (Exception exception) when (exception is EntryPointNotFoundException or BadImageFormatException)
        {
            return [Missing($"{NativeDrivers.OpenClNames[0]} is not an OpenCL loader or is damaged ({exception.Message}). Install it again.")];
        }
    }

    /// <summary>What <paramref name="driver"/> (null: not installed) has; <paramref name="describe"/> looks closer at one device.</summary>
    internal static IReadOnlyList<DeviceCandidate> Find(IOpenClDriver? driver, Func<string, OpenClDeviceFacts, DeviceCandidate> describe)
    {
        if (driver is null)
            return [Missing($"no OpenCL loader: {NativeDrivers.OpenClNames[0]} was not found. "
                + $"{(OperatingSystem.IsLinux() ? "Install it (Debian and Ubuntu: apt-get install ocl-icd-libopencl1) and a driver. " : string.Empty)}"
                + InstallADriver)];
        int error = driver.Platforms(out nint[] platforms);
        if (error is 0 or NoPlatform && platforms.Length == 0)
            return [Missing($"the OpenCL loader is installed, but no driver is registered with it (on Linux in /etc/OpenCL/vendors). {InstallADriver}")];
        if (error != 0)
            return [Missing($"the OpenCL loader answers: {OpenClRequirements.ErrorText(error)}.")];

        var found = new List<DeviceCandidate>();
        int ordinal = 0;
        foreach (nint platform in platforms)
        {
            error = driver.Devices(platform, out nint[] devices);
            if (error != 0 || devices.Length == 0)
            {
                found.Add(
                    Missing($"the platform '{driver.PlatformName(platform)}' has no device ({OpenClRequirements.ErrorText(error == 0 ? -1 : error)}). Its "
                        + "hardware may be missing, or this user may not open it (Linux: groups render and video)."));
                continue;
            }

            // Devices that cannot be used are counted too: a number means the same device whatever the others' state.
            foreach (nint device in devices)
                found.Add(describe(string.Create(CultureInfo.InvariantCulture, $"opencl:{ordinal++}"), driver.Facts(platform, device)));
        }

        return found;
    }

    private static DeviceCandidate Describe(string id, OpenClDeviceFacts facts)
    {
        string? accepted = Environment.GetEnvironmentVariable(OpenClRequirements.AcceptVariable);
        var description = new DeviceDescription(
            id,
            DeviceKind.OpenCl,
            facts.Name,
            facts.MemoryBytes,
            facts.ComputeUnits,
            facts.IsGpu,
            OpenClRequirements.Refuse(facts, accepted),
            OpenClRequirements.Note(facts));
        if (!description.IsAvailable)
            return new DeviceCandidate(description, null);
        try
        {
            var device = new CLDevice(facts.Platform, facts.Device);
            AcceptMissingGenericAddressSpace(device);
            return new DeviceCandidate(description, () => IlgpuBackend.Open(device));
        }
        catch (Exception exception) when (exception is CLException or NotSupportedException or ArgumentException or OverflowException)
        {
            return new DeviceCandidate(description with { UnavailableReason = $"ILGPU cannot use it: {exception.Message}" }, null);
        }
    }

    /// <summary>
    /// Lets a device without the generic address space through: the OpenCL C that ILGPU generates for our kernels names every address space, so it
    /// compiles and runs there (PoCL 3.1 is one), while ILGPU would refuse the device.
    /// </summary>
    private static void AcceptMissingGenericAddressSpace(CLDevice device)
    {
        if (!device.Capabilities.GenericAddressSpace)
            typeof(CLCapabilityContext).GetProperty(nameof(CLCapabilityContext.GenericAddressSpace))!.SetValue(device.Capabilities, true);
    }

    private static DeviceCandidate Missing(string reason)
        => new(new DeviceDescription("opencl", DeviceKind.OpenCl, "OpenCL device", 0, 0, IsGpu: false, reason), null);
}
