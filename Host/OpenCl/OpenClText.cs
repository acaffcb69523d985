using System.Runtime.CompilerServices;
using ILGPU;
using ILGPU.Backends;
using ILGPU.Backends.EntryPoints;
using ILGPU.Backends.OpenCL;

namespace GpuTransformer.Host.OpenCl;

/// <summary>Mends the OpenCL C that ILGPU generates before a driver sees it.</summary>
internal static class OpenClText
{
    private const string GlobalFence = "CLK_GLOBAL_MEM_FENCE", BothFences = "CLK_LOCAL_MEM_FENCE | CLK_GLOBAL_MEM_FENCE";

    // OpenCL C fuses multiplications and additions unless told not to; what is to be fused says so.
    private const string NoContraction = "#pragma OPENCL FP_CONTRACT OFF\n";

    /// <summary>The kernel with its text mended, to be built as OpenCL C 2.0 or newer, which it is written in whatever the device calls itself.</summary>
    public static CLCompiledKernel Mend(Context context, CLCompiledKernel kernel)
        => new(
            context,
            (SeparateViewEntryPoint)EntryPointOf(kernel),
            kernel.Info,
            Mend(kernel.Source),
            kernel.CVersion < CLCVersion.CL20 ? CLCVersion.CL20 : kernel.CVersion);

    /// <summary>
    /// The text with barriers that order local memory too. ILGPU's barriers name global memory alone, and what a group's threads exchange lies in local memory:
    /// a driver may then let a thread read what another has not written yet.
    /// </summary>
    public static string Mend(string source) => NoContraction + source.Replace(GlobalFence, BothFences, StringComparison.Ordinal);

    /// <summary>How many bytes of local memory a group of the kernel takes.</summary>
    public static int LocalMemoryBytes(CLCompiledKernel kernel) => EntryPointOf(kernel).SharedMemory.StaticSize;

    [UnsafeAccessor(UnsafeAccessorKind.Method, Name = "get_EntryPoint")]
    private static extern EntryPoint EntryPointOf(CompiledKernel kernel);
}
