namespace GpuTransformer.Host.OpenCl;

/// <summary>
/// The few calls of the OpenCL loader that tell why a device is left out. An interface, so that every answer can be tested without the device.
/// </summary>
internal interface IOpenClDriver
{
    /// <summary>clGetPlatformIDs; 0 is success.</summary>
    int Platforms(out nint[] platforms);

    /// <summary>CL_PLATFORM_NAME.</summary>
    string PlatformName(nint platform);

    /// <summary>clGetDeviceIDs for devices of all types; 0 is success.</summary>
    int Devices(nint platform, out nint[] devices);

    /// <summary>clGetDeviceInfo for all that matters.</summary>
    OpenClDeviceFacts Facts(nint platform, nint device);
}

/// <summary>What an OpenCL device says about itself.</summary>
internal sealed record OpenClDeviceFacts
{
    public nint Platform { get; init; }

    public nint Device { get; init; }

    public string Name { get; init; } = string.Empty;

    /// <summary>CL_DEVICE_VERSION: "OpenCL 3.0 …".</summary>
    public string Version { get; init; } = string.Empty;

    /// <summary>CL_DEVICE_TYPE: 2 processor, 4 graphics processor, 8 other accelerator.</summary>
    public ulong Type { get; init; }

    public bool IsEnabled { get; init; } = true;

    public bool HasCompiler { get; init; } = true;

    public bool IsLittleEndian { get; init; } = true;

    public int AddressBits { get; init; } = 64;

    public bool HasGenericAddressSpace { get; init; } = true;

    public long MaxGroupSize { get; init; } = 1024;

    public long LocalMemoryBytes { get; init; } = 64 << 10;

    public long MemoryBytes { get; init; }

    public int ComputeUnits { get; init; }

    /// <summary>Whether it is a graphics processor or another accelerator rather than a processor.</summary>
    public bool IsGpu => (Type & (4 | 8)) != 0;
}
