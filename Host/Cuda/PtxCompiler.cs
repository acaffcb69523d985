using ILGPU;
using ILGPU.Backends;
using ILGPU.Backends.EntryPoints;
using ILGPU.Backends.PTX;
using ILGPU.Runtime.Cuda;

namespace GpuTransformer.Host.Cuda;

/// <summary>
/// The PTX that a CUDA device would be given, made with no GPU and no driver: the same front end, optimiser settings and intrinsics as on a device.
/// </summary>
/// <remarks>
/// Two things are fixed here that a device decides: the PTX version is 7.8 (CUDA 11.8, the oldest that knows sm_90), and ILGPU names no target above
/// sm_80, which every newer GPU takes.
/// </remarks>
internal sealed class PtxCompiler : IDisposable
{
    private static readonly Dictionary<string, CudaArchitecture> Known = new(StringComparer.Ordinal)
    {
        ["sm_70"] = CudaArchitecture.SM_70,
        ["sm_75"] = CudaArchitecture.SM_75,
        ["sm_80"] = CudaArchitecture.SM_80,
        ["sm_86"] = CudaArchitecture.SM_86,
        ["sm_89"] = CudaArchitecture.SM_89,
        ["sm_90"] = CudaArchitecture.SM_90,
    };

    private readonly Context _context;
    private readonly PTXBackend _backend;

    /// <summary>A compiler for one GPU architecture, such as <c>sm_80</c> or <c>sm_90</c>.</summary>
    /// <exception cref="ArgumentException">The architecture is not in <see cref="Architectures"/>.</exception>
    public PtxCompiler(string architecture)
        : this(architecture, MemoryOrder.Keep)
    {
    }

    /// <summary>A compiler that is set up in another way than devices are, to compare with.</summary>
    internal PtxCompiler(string architecture, Action<Backend> setUp)
    {
        ArgumentNullException.ThrowIfNull(architecture);
        if (!Known.TryGetValue(architecture, out CudaArchitecture target))
            throw new ArgumentException($"'{architecture}' is not an architecture known here: {string.Join(", ", Architectures)}.", nameof(architecture));
        Architecture = architecture;
        _context = IlgpuBackend.CreateContext(static _ => { });
        _backend = new PTXBackend(_context, target, CudaInstructionSet.ISA_78, null!);
        setUp(_backend);
    }

    /// <summary>The architectures that can be asked for.</summary>
    public static IReadOnlyList<string> Architectures { get; } = [.. Known.Keys.Order(StringComparer.Ordinal)];

    /// <summary>The architecture that PTX is generated for.</summary>
    public string Architecture { get; }

    /// <summary>Generates the PTX text of one kernel of the catalogue.</summary>
    public string Compile(DeviceKernel kernel)
    {
        ArgumentNullException.ThrowIfNull(kernel);
        EntryPointDescription entry = EntryPointDescription.FromExplicitlyGroupedKernel(kernel.Method);
        return PtxText.Mend(((PTXCompiledKernel)_backend.Compile(entry, default(ILGPU.Runtime.KernelSpecialization))).PTXAssembly);
    }

    /// <summary>Frees the compiler.</summary>
    public void Dispose()
    {
        _backend.Dispose();
        _context.Dispose();
    }
}
