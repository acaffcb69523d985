using System.Runtime.CompilerServices;
using ILGPU;
using ILGPU.Backends;
using ILGPU.Backends.EntryPoints;
using ILGPU.Backends.PTX;

namespace GpuTransformer.Host.Cuda;

/// <summary>Mends the PTX that ILGPU generates before a driver or an assembler sees it.</summary>
internal static class PtxText
{
    /// <summary>The kernel with its text mended.</summary>
    public static PTXCompiledKernel Mend(Context context, PTXCompiledKernel kernel) => Create(context, EntryPointOf(kernel), kernel.Info, Mend(kernel.PTXAssembly));

    /// <summary>The mended text.</summary>
    public static string Mend(string text) => text;

    [UnsafeAccessor(UnsafeAccessorKind.Method, Name = "get_EntryPoint")]
    private static extern EntryPoint EntryPointOf(CompiledKernel kernel);

    [UnsafeAccessor(UnsafeAccessorKind.Constructor)]
    private static extern PTXCompiledKernel Create(Context context, EntryPoint entryPoint, CompiledKernel.KernelInfo? info, string ptxAssembly);
}
