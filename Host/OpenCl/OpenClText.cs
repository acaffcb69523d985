using System.Runtime.CompilerServices;
using ILGPU;
using ILGPU.Backends;
using ILGPU.Backends.EntryPoints;
using ILGPU.Backends.OpenCL;

namespace GpuTransformer.Host.OpenCl;

/// <summary>Mends the OpenCL C that ILGPU generates before a driver sees it.</summary>
internal static class OpenClText
{
    // OpenCL C fuses multiplications and additions unless told not to; what is to be fused says so.
    private const string NoContraction = "#pragma OPENCL FP_CONTRACT OFF\n";

    /// <summary>The kernel with its text mended.</summary>
    public static CLCompiledKernel Mend(Context context, CLCompiledKernel kernel)
        => new(context, (SeparateViewEntryPoint)EntryPointOf(kernel), kernel.Info, Mend(kernel.Source), kernel.CVersion);

    /// <summary>The mended text.</summary>
    public static string Mend(string source) => NoContraction + source;

    [UnsafeAccessor(UnsafeAccessorKind.Method, Name = "get_EntryPoint")]
    private static extern EntryPoint EntryPointOf(CompiledKernel kernel);
}
