using System.Runtime.InteropServices;

namespace GpuTransformer.Host.Cuda;

/// <summary>NVIDIA's driver library, called directly: ILGPU calls it too, but drops what it answers.</summary>
internal sealed unsafe class CudaDriver : ICudaDriver
{
    private const int NameBytes = 256;

    private readonly delegate* unmanaged<uint, int> _init;
    private readonly delegate* unmanaged<int*, int> _version;
    private readonly delegate* unmanaged<int*, int> _count;
    private readonly delegate* unmanaged<byte*, int, int, int> _name;
    private readonly delegate* unmanaged<int, byte**, int> _errorText;

    private CudaDriver(nint library)
    {
        _init = (delegate* unmanaged<uint, int>)NativeLibrary.GetExport(library, "cuInit");
        _version = (delegate* unmanaged<int*, int>)NativeLibrary.GetExport(library, "cuDriverGetVersion");
        _count = (delegate* unmanaged<int*, int>)NativeLibrary.GetExport(library, "cuDeviceGetCount");
        _name = (delegate* unmanaged<byte*, int, int, int>)NativeLibrary.GetExport(library, "cuDeviceGetName");
        _errorText = (delegate* unmanaged<int, byte**, int>)NativeLibrary.GetExport(library, "cuGetErrorString");
    }

    /// <summary>The driver, or null where its library is not installed.</summary>
    public static CudaDriver? Load()
    {
        nint library = NativeDrivers.Load(NativeDrivers.CudaNames);
        return library == 0 ? null : new CudaDriver(library);
    }

    public int Initialize() => _init(0);

    public int Version()
    {
        int version;
        return _version(&version) == 0 ? version : 0;
    }

    public int DeviceCount(out int count)
    {
        int value = 0;
        int error = _count(&value);
        count = value;
        return error;
    }

    public string DeviceName(int ordinal)
    {
        byte* name = stackalloc byte[NameBytes];
        return _name(name, NameBytes, ordinal) == 0 ? Marshal.PtrToStringUTF8((nint)name) ?? string.Empty : $"CUDA device {ordinal}";
    }

    public string ErrorText(int error)
    {
        byte* text;
        return _errorText(error, &text) == 0 ? Marshal.PtrToStringUTF8((nint)text) ?? string.Empty : $"error {error}";
    }
}
