using System.Reflection;
using System.Runtime.InteropServices;
using ILGPU;
using ILGPU.Runtime.OpenCL;

namespace GpuTransformer.Host.OpenCl;

/// <summary>Makes OpenCL work where ILGPU alone would not find it.</summary>
internal static class OpenClLoader
{
    /// <summary>
    /// ILGPU asks for <c>OpenCL</c>, that is libOpenCL.so, which only development packages have; every distribution's runtime package has libOpenCL.so.1.
    /// </summary>
    public static void Install() => NativeLibrary.SetDllImportResolver(typeof(Context).Assembly, Resolve);

    /// <summary>
    /// Lets a device without the generic address space through: the OpenCL C that ILGPU generates for our kernels compiles and runs there (PoCL 3.1 is
    /// one), while ILGPU would leave it out without a word.
    /// </summary>
    public static bool Accept(CLDevice device)
    {
        typeof(CLCapabilityContext).GetProperty(nameof(CLCapabilityContext.GenericAddressSpace))!.SetValue(device.Capabilities, true);
        return true;
    }

    private static nint Resolve(string name, Assembly assembly, DllImportSearchPath? path)
    {
        if (name != "OpenCL" || !OperatingSystem.IsLinux())
            return 0;
        return NativeLibrary.TryLoad("libOpenCL.so.1", out nint handle) || NativeLibrary.TryLoad("libOpenCL.so", out handle) ? handle : 0;
    }
}
