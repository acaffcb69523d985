using System.Runtime.CompilerServices;
using System.Text.RegularExpressions;
using ILGPU;
using ILGPU.Backends;
using ILGPU.Backends.EntryPoints;
using ILGPU.Backends.PTX;

namespace GpuTransformer.Host.Cuda;

/// <summary>Mends the PTX that ILGPU generates before a driver or an assembler sees it.</summary>
/// <remarks>
/// <para>
/// <c>.uni</c> promises that all threads of a warp go the same way. ILGPU promises it wherever a condition looks the same by its data, although which of two
/// constants a variable holds, or what an intrinsic returns, may differ between threads; a broken promise is undefined. So no branch with a condition keeps it.
/// </para>
/// <para>
/// <c>mul</c>, <c>add</c> and <c>sub</c> of floating-point numbers without a rounding may be fused by the assembler; with <c>.rn</c>, which is the same
/// rounding, they may not. What is to be fused says so (<see cref="Kernels.Fused"/>).
/// </para>
/// </remarks>
internal static partial class PtxText
{
    /// <summary>The kernel with its text mended.</summary>
    public static PTXCompiledKernel Mend(Context context, PTXCompiledKernel kernel)
        => Create(context, EntryPointOf(kernel), kernel.Info, Mend(kernel.PTXAssembly));

    /// <summary>The mended text.</summary>
    public static string Mend(string text) => UnroundedArithmetic().Replace(UniformCondition().Replace(text, "$1"), "$1.rn$2");

    // A branch under a predicate, or one to an indexed target.
    [GeneratedRegex(@"(@!?%\w+[ \t]+bra|\bbrx\.idx)\.uni\b", RegexOptions.CultureInvariant)]
    private static partial Regex UniformCondition();

    [GeneratedRegex(@"\b(mul|add|sub)((?:\.ftz)?(?:\.sat)?\.f(?:32|64))\b", RegexOptions.CultureInvariant)]
    private static partial Regex UnroundedArithmetic();

    [UnsafeAccessor(UnsafeAccessorKind.Method, Name = "get_EntryPoint")]
    private static extern EntryPoint EntryPointOf(CompiledKernel kernel);

    [UnsafeAccessor(UnsafeAccessorKind.Constructor)]
    private static extern PTXCompiledKernel Create(Context context, EntryPoint entryPoint, CompiledKernel.KernelInfo? info, string ptxAssembly);
}
