using System.Reflection;
using System.Runtime.InteropServices;
using System.Runtime.Loader;
using ILGPU;

namespace GpuTransformer.Host;

/// <summary>
/// Under which names the drivers' libraries are found. ILGPU asks for <c>libcuda.so</c> and <c>libOpenCL.so</c>, which only development packages have;
/// the packages that users have installed bring <c>libcuda.so.1</c> and <c>libOpenCL.so.1</c>.
/// </summary>
internal static class NativeDrivers
{
    /// <summary>NVIDIA's driver. WSL keeps it where the loader does not look.</summary>
    public static IReadOnlyList<string> CudaNames { get; } = OperatingSystem.IsWindows()
        ? ["nvcuda.dll"]
        : ["libcuda.so.1", "libcuda.so", "/usr/lib/wsl/lib/libcuda.so.1"];

    /// <summary>The OpenCL loader, which finds the vendors' drivers.</summary>
    public static IReadOnlyList<string> OpenClNames { get; } = OperatingSystem.IsWindows() ? ["OpenCL.dll"]
        : OperatingSystem.IsMacOS() ? ["/System/Library/Frameworks/OpenCL.framework/OpenCL"]
        : ["libOpenCL.so.1", "libOpenCL.so"];

    private static readonly Lazy<bool> Hook = new(static () =>
    {
        // The event comes after the runtime's own search and takes any number of listeners; a DllImportResolver can be set but once per assembly, by whoever is
        // first.
        AssemblyLoadContext context = AssemblyLoadContext.GetLoadContext(typeof(Context).Assembly) ?? AssemblyLoadContext.Default;
        context.ResolvingUnmanagedDll += Resolve;
        return true;
    });

    /// <summary>Makes ILGPU find the libraries too. Must come before its first use of a driver; again is harmless.</summary>
    public static void Install() => _ = Hook.Value;

    /// <summary>Loads the first of <paramref name="names"/> that is there; zero if none is.</summary>
    public static nint Load(IReadOnlyList<string> names)
    {
        foreach (string name in names)
        {
            if (NativeLibrary.TryLoad(name, out nint handle))
                return handle;
        }

        return 0;
    }

    private static nint Resolve(Assembly assembly, string name)
    {
        if (assembly != typeof(Context).Assembly)
            return 0;
        return name switch
        {
            "cuda" => Load(CudaNames),
            "OpenCL" => Load(OpenClNames),
            _ => 0,
        };
    }
}
