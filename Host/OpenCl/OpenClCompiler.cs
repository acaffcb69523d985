using ILGPU;
using ILGPU.Backends.EntryPoints;
using ILGPU.Backends.OpenCL;
using ILGPU.Runtime;
using ILGPU.Runtime.OpenCL;

namespace GpuTransformer.Host.OpenCl;

/// <summary>
/// The OpenCL C that a device would be given, made with no device and no driver: the same front end, optimiser settings and mended text. The device it stands
/// for is a plain one, without half precision, sub-groups and a generic address space; kernels that need one of them do not compile here.
/// </summary>
internal sealed class OpenClCompiler : IDisposable
{
    private readonly Context _context = IlgpuBackend.CreateContext(static _ => { });
    private readonly CLBackend _backend;

    /// <summary>A compiler for such a device.</summary>
    public OpenClCompiler()
    {
        var capabilities = new CLCapabilityContext(float16: false, float64: true, genericAddressSpace: false, int64_Atomics: false, subGroups: false);
        _backend = new CLBackend(_context, capabilities, CLDeviceVendor.Other, CLCVersion.CL20);
        MemoryOrder.Keep(_backend);
    }

    /// <summary>Generates the text of one kernel of the catalogue and tells how much local memory a group of it takes.</summary>
    public (string Source, int LocalMemoryBytes) Compile(DeviceKernel kernel)
    {
        ArgumentNullException.ThrowIfNull(kernel);
        EntryPointDescription entry = EntryPointDescription.FromExplicitlyGroupedKernel(kernel.Method);
        CLCompiledKernel compiled = OpenClText.Mend(_context, (CLCompiledKernel)_backend.Compile(entry, default(KernelSpecialization)));
        return (compiled.Source, OpenClText.LocalMemoryBytes(compiled));
    }

    /// <summary>Frees the compiler.</summary>
    public void Dispose()
    {
        _backend.Dispose();
        _context.Dispose();
    }
}
