using System.Runtime.CompilerServices;
using ILGPU;
using ILGPU.Backends;
using ILGPU.Backends.EntryPoints;
using ILGPU.Backends.OpenCL;

namespace GpuTransformer.Host.OpenCl;

/// <summary>Mends the OpenCL C that ILGPU generates before a driver sees it.</summary>
internal static class OpenClText
{
    /// <summary>The kernel with its text mended.</summary>
    public static CLCompiledKernel Mend(Context context, CLCompiledKernel kernel)
        => new(context, (SeparateViewEntryPoint)EntryPointOf(kernel), kernel.Info, Mend(kernel.Source), kernel.CVersion);

    /// <summary>The mended text.</summary>
    public static string Mend(string source) => source;

    [UnsafeAccessor(UnsafeAccessorKind.Method, Name = "get_EntryPoint")]
    private static extern EntryPoint EntryPointOf(CompiledKernel kernel);
}
