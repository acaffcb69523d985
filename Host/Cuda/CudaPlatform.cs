using System.Globalization;
using System.Runtime.CompilerServices;
using ILGPU;
using ILGPU.Runtime.Cuda;

namespace GpuTransformer.Host.Cuda;

/// <summary>Finds the NVIDIA GPUs and says of those that cannot be used why, and what would help.</summary>
internal static class CudaPlatform
{
    private const int NoDevice = 100;

    /// <summary>The devices of this machine.</summary>
    public static IReadOnlyList<DeviceCandidate> Find()
    {
        NativeDrivers.Install();
        try
        {
            return Find(CudaDriver.Load(), Describe);
        }
        catch (Exception exception) when (exception is EntryPointNotFoundException or BadImageFormatException)
        {
            return [Missing($"{NativeDrivers.CudaNames[0]} is not NVIDIA's driver or is damaged ({exception.Message}). Install the driver again.")];
        }
    }

    /// <summary>What <paramref name="driver"/> (null: not installed) has; <paramref name="describe"/> looks closer at one device.</summary>
    internal static IReadOnlyList<DeviceCandidate> Find(ICudaDriver? driver, Func<int, string, DeviceCandidate> describe)
    {
        if (driver is null)
            return [Missing($"no NVIDIA driver: {NativeDrivers.CudaNames[0]} was not found. On a machine with an NVIDIA GPU, install the driver; in a "
                + "container, start it with the GPU (docker run --gpus all).")];
        int error = driver.Initialize();
        int count = 0;
        if (error == 0)
            error = driver.DeviceCount(out count);
        if (error == 0 && count == 0)
            error = NoDevice;
        if (error != 0)
            return [Missing($"the NVIDIA driver{VersionText(driver.Version())} is installed, but {Explain(error, driver)}")];

        var found = new List<DeviceCandidate>();
        for (int ordinal = 0; ordinal < count; ordinal++)
            found.Add(describe(ordinal, driver.DeviceName(ordinal)));
        return found;
    }

    /// <summary>Why the driver with this version cannot run what ILGPU generates for an architecture; null if it can.</summary>
    internal static string? Refuse(CudaArchitecture architecture, CudaDriverVersion driver)
    {
        CudaArchitecture target = new CudaCapabilityContext(architecture).TargetArchitecture;
        return CudaAccelerator.TryGetInstructionSet(target, driver, out CudaDriverVersion needed, out _)
            ? null
            : $"its driver supports CUDA {driver.Major}.{driver.Minor}, but this GPU needs one for CUDA {needed.Major}.{needed.Minor} or newer. Update the "
                + "NVIDIA driver.";
    }

    private static DeviceCandidate Describe(int ordinal, string name)
    {
        string id = string.Create(CultureInfo.InvariantCulture, $"cuda:{ordinal}");
        CudaDevice device;
        try
        {
            device = NewDevice(ordinal);
        }
        catch (Exception exception) when (exception is CudaException or NotSupportedException)
        {
            return new DeviceCandidate(new DeviceDescription(id, DeviceKind.Cuda, name, 0, 0, IsGpu: true, $"ILGPU cannot use it: {exception.Message}"), null);
        }

        string? refusal = Refuse(device.Architecture.GetValueOrDefault(), device.DriverVersion);
        var description = new DeviceDescription(
            id, DeviceKind.Cuda, name, device.MemorySize, device.NumMultiprocessors, IsGpu: true, refusal, $"compute capability {device.Architecture}");
        return new DeviceCandidate(description, refusal is null ? () => IlgpuBackend.Open(device) : null);
    }

    private static string Explain(int error, ICudaDriver driver) => error switch
    {
        NoDevice => "it sees no GPU. Check `nvidia-smi`, the variable CUDA_VISIBLE_DEVICES and, in a container, that it was started with the GPU (docker run "
            + "--gpus all).",
        34 => "the library found is the CUDA toolkit's stub, not the driver. Take its stubs folder out of LD_LIBRARY_PATH.",
        802 => "it is not ready yet. On a machine with NVSwitch, start nvidia-fabricmanager.",
        803 => "its library and the kernel module are of different versions. Restart the machine (or, in a container, match the host's driver).",
        804 => "the forward-compatibility package does not support this GPU. Take the cuda-compat folder out of LD_LIBRARY_PATH or update the driver.",
        _ => $"it fails with error {error} ({driver.ErrorText(error)}). Check `nvidia-smi`; after an update or a suspend, loading the module nvidia-uvm or a "
            + "restart often helps.",
    };

    private static string VersionText(int version)
        => version == 0 ? string.Empty : string.Create(CultureInfo.InvariantCulture, $" (for CUDA {version / 1000}.{version % 1000 / 10})");

    private static DeviceCandidate Missing(string reason) => new(new DeviceDescription("cuda", DeviceKind.Cuda, "NVIDIA GPU", 0, 0, IsGpu: true, reason), null);

    // ILGPU's own discovery makes this call too, but one device that fails makes it drop all of them without a word.
    [UnsafeAccessor(UnsafeAccessorKind.Constructor)]
    private static extern CudaDevice NewDevice(int ordinal);
}
