using System.Runtime.InteropServices;
using System.Text;

namespace GpuTransformer.Host.OpenCl;

/// <summary>The OpenCL loader, called directly: ILGPU calls it too, but drops what it answers.</summary>
internal sealed unsafe class OpenClDriver : IOpenClDriver
{
    private const ulong AllDeviceTypes = 0xFFFFFFFF;
    private const int MaxCount = 64;
    private const int MaxTextBytes = 1024;

    // Names of the OpenCL headers, without CL_PLATFORM_ or CL_DEVICE_.
    private const uint PlatformNameInfo = 0x0902;
    private const uint TypeInfo = 0x1000;
    private const uint MaxComputeUnitsInfo = 0x1002;
    private const uint MaxWorkGroupSizeInfo = 0x1004;
    private const uint AddressBitsInfo = 0x100D;
    private const uint GlobalMemSizeInfo = 0x101F;
    private const uint LocalMemSizeInfo = 0x1023;
    private const uint EndianLittleInfo = 0x1026;
    private const uint AvailableInfo = 0x1027;
    private const uint CompilerAvailableInfo = 0x1028;
    private const uint NameInfo = 0x102B;
    private const uint VersionInfo = 0x102F;
    private const uint GenericAddressSpaceSupportInfo = 0x1069;

    private readonly delegate* unmanaged<uint, nint*, uint*, int> _platforms;
    private readonly delegate* unmanaged<nint, uint, nuint, void*, nuint*, int> _platformInfo;
    private readonly delegate* unmanaged<nint, ulong, uint, nint*, uint*, int> _devices;
    private readonly delegate* unmanaged<nint, uint, nuint, void*, nuint*, int> _deviceInfo;

    private OpenClDriver(nint library)
    {
        _platforms = (delegate* unmanaged<uint, nint*, uint*, int>)NativeLibrary.GetExport(library, "clGetPlatformIDs");
        _platformInfo = (delegate* unmanaged<nint, uint, nuint, void*, nuint*, int>)NativeLibrary.GetExport(library, "clGetPlatformInfo");
        _devices = (delegate* unmanaged<nint, ulong, uint, nint*, uint*, int>)NativeLibrary.GetExport(library, "clGetDeviceIDs");
        _deviceInfo = (delegate* unmanaged<nint, uint, nuint, void*, nuint*, int>)NativeLibrary.GetExport(library, "clGetDeviceInfo");
    }

    /// <summary>The loader, or null where it is not installed.</summary>
    public static OpenClDriver? Load()
    {
        nint library = NativeDrivers.Load(NativeDrivers.OpenClNames);
        return library == 0 ? null : new OpenClDriver(library);
    }

    public int Platforms(out nint[] platforms)
    {
        nint* ids = stackalloc nint[MaxCount];
        uint count = 0;
        int error = _platforms(MaxCount, ids, &count);
        platforms = Copy(ids, error, count);
        return error;
    }

    public string PlatformName(nint platform) => Text(_platformInfo, platform, PlatformNameInfo);

    public int Devices(nint platform, out nint[] devices)
    {
        nint* ids = stackalloc nint[MaxCount];
        uint count = 0;
        int error = _devices(platform, AllDeviceTypes, MaxCount, ids, &count);
        devices = Copy(ids, error, count);
        return error;
    }

    public OpenClDeviceFacts Facts(nint platform, nint device) => new()
    {
        Platform = platform,
        Device = device,
        Name = Text(_deviceInfo, device, NameInfo),
        Version = Text(_deviceInfo, device, VersionInfo),
        Type = Number(device, TypeInfo),
        IsEnabled = Number(device, AvailableInfo) != 0,
        HasCompiler = Number(device, CompilerAvailableInfo) != 0,
        IsLittleEndian = Number(device, EndianLittleInfo) != 0,
        AddressBits = (int)Number(device, AddressBitsInfo),
        HasGenericAddressSpace = HasGenericAddressSpace(device),
        MaxGroupSize = (long)Number(device, MaxWorkGroupSizeInfo),
        LocalMemoryBytes = (long)Number(device, LocalMemSizeInfo),
        MemoryBytes = (long)Number(device, GlobalMemSizeInfo),
        ComputeUnits = (int)Number(device, MaxComputeUnitsInfo),
    };

    // Obligatory in OpenCL 2.x, absent before, asked for since 3.0.
    private bool HasGenericAddressSpace(nint device)
    {
        Version version = OpenClRequirements.ParseVersion(Text(_deviceInfo, device, VersionInfo));
        return version.Major == 2 || (version.Major > 2 && Number(device, GenericAddressSpaceSupportInfo) != 0);
    }

    private static nint[] Copy(nint* ids, int error, uint count) => error == 0 ? new ReadOnlySpan<nint>(ids, (int)Math.Min(count, MaxCount)).ToArray() : [];

    private static string Text(delegate* unmanaged<nint, uint, nuint, void*, nuint*, int> info, nint handle, uint what)
    {
        byte* text = stackalloc byte[MaxTextBytes];
        nuint size = 0;
        if (info(handle, what, MaxTextBytes, text, &size) != 0)
            return string.Empty;
        return Encoding.UTF8.GetString(text, (int)Math.Min(size, MaxTextBytes)).TrimEnd('\0').Trim();
    }

    // The answers are 4 or 8 bytes wide; on a little-endian host a short one fills the low half.
    private ulong Number(nint device, uint what)
    {
        ulong value = 0;
        return _deviceInfo(device, what, sizeof(ulong), &value, null) == 0 ? value : 0;
    }
}
