using System.Diagnostics;
using GpuTransformer.Host.Cuda;
using GpuTransformer.Host.OpenCl;
using ILGPU;
using ILGPU.Algorithms;
using ILGPU.Backends;
using ILGPU.Backends.EntryPoints;
using ILGPU.Backends.OpenCL;
using ILGPU.Backends.PTX;
using ILGPU.Runtime;
using ILGPU.Runtime.CPU;
using ILGPU.Runtime.Cuda;
using ILGPU.Runtime.OpenCL;

namespace GpuTransformer.Host;

/// <summary>Memory of an ILGPU accelerator; everything is queued on its default stream and so happens in order.</summary>
internal sealed class IlgpuBackend(Context context, Accelerator accelerator) : DeviceBackend
{
    // 32 lanes as on NVIDIA and groups of up to 128 threads, the most that a kernel here uses.
    private static readonly CPUDevice SimulatorShape = new(32, 4, 1);

    public Accelerator Accelerator { get; } = accelerator;

    /// <summary>Whether it is a CUDA device of at least that compute capability.</summary>
    public bool IsCudaAtLeast(int major, int minor)
        => Accelerator is CudaAccelerator cuda && (cuda.Architecture.Major > major || (cuda.Architecture.Major == major && cuda.Architecture.Minor >= minor));

    /// <summary>Opens a device that discovery found.</summary>
    public static IlgpuBackend Open(Device device) => Open(CreateContext(static _ => { }), device);

    /// <summary>Opens ILGPU's CPU accelerator.</summary>
    public static IlgpuBackend OpenSimulator() => Open(CreateContext(static builder => builder.CPU(SimulatorShape)), SimulatorShape);

    /// <summary>A context with the compiler settings that all kernels here are meant for.</summary>
    public static Context CreateContext(Action<Context.Builder> devices)
    {
        Context context = Context.Create(builder =>
        {
            // O2 turns generic loads into global ones; kernels are small functions that only make sense inlined. Without the algorithms, exp and its like
            // have no PTX form.
            builder.Optimize(OptimizationLevel.O2).Inlining(InliningMode.Aggressive).EnableAlgorithms();
            devices(builder);
        });
        PtxIntrinsics.Register(context);
        OpenClIntrinsics.Register(context);
        return context;
    }

    public override bool IsDeviceError(Exception exception) => exception is AcceleratorException;

    // Anything else, such as an illegal address of an earlier launch, is not cured by giving memory back.
    public override bool IsOutOfMemory(Exception exception) => exception switch
    {
        CudaException cuda => cuda.Error == nameof(CudaError.CUDA_ERROR_OUT_OF_MEMORY),
        CLException openCl
            => openCl.Error is CLError.CL_MEM_OBJECT_ALLOCATION_FAILURE or CLError.CL_OUT_OF_RESOURCES
                or CLError.CL_OUT_OF_HOST_MEMORY or CLError.CL_INVALID_BUFFER_SIZE,
        _ => exception is OutOfMemoryException,
    };

    public override DeviceAllocation Allocate(long bytes) => new IlgpuAllocation(Accelerator.Allocate1D<byte>(bytes), bytes);

    // ILGPU keeps the bare address of what it copies until the driver is done: the garbage collector must not move it meanwhile.
    public override unsafe void Write(DeviceAllocation target, long offset, ReadOnlySpan<byte> source)
    {
        fixed (byte* pinned = source)
        {
            if (pinned != null)
                View(target, offset, source.Length).CopyFromCPU(Accelerator.DefaultStream, ref *pinned, source.Length);
        }
    }

    public override unsafe void Read(DeviceAllocation source, long offset, Span<byte> target)
    {
        fixed (byte* pinned = target)
        {
            if (pinned != null)
                View(source, offset, target.Length).CopyToCPU(Accelerator.DefaultStream, ref *pinned, target.Length);
        }
    }

    public override void Clear(DeviceAllocation target, long offset, long bytes)
    {
        if (bytes > 0)
            View(target, offset, bytes).MemSetToZero(Accelerator.DefaultStream);
    }

    public override void Copy(DeviceAllocation source, long sourceOffset, DeviceAllocation target, long targetOffset, long bytes)
    {
        if (bytes > 0)
            View(source, sourceOffset, bytes).CopyTo(Accelerator.DefaultStream, View(target, targetOffset, bytes));
    }

    public override void Synchronize() => Accelerator.Synchronize();

    /// <summary>Compiles a kernel for this device and readies its launcher, which queues on the default stream.</summary>
    public Action<KernelConfig, TParameters> Load<TParameters>(Action<TParameters> kernel)
        where TParameters : struct
    {
        CompiledKernel compiled = Accelerator.GetBackend().Compile(EntryPointDescription.FromExplicitlyGroupedKernel(kernel.Method), default);
        var launch = Accelerator.LoadKernel(Mend(compiled)).CreateLauncherDelegate<Action<AcceleratorStream, KernelConfig, TParameters>>();
        AcceleratorStream stream = Accelerator.DefaultStream;
        return (config, parameters) => launch(stream, config, parameters);
    }

    // What ILGPU generates is mended before a driver sees it; the simulator runs the kernels' own IL.
    private CompiledKernel Mend(CompiledKernel kernel) => kernel switch
    {
        PTXCompiledKernel ptx => PtxText.Mend(context, ptx),
        CLCompiledKernel openCl => OpenClText.Mend(context, openCl),
        _ => kernel,
    };

    public override void Dispose()
    {
        Accelerator.Dispose();
        context.Dispose();
    }

    private static IlgpuBackend Open(Context context, Device device)
    {
        try
        {
            Accelerator accelerator = device.CreateAccelerator(context);
            if (accelerator is not CPUAccelerator)
                MemoryOrder.Keep(accelerator.GetBackend());
            return new IlgpuBackend(context, accelerator);
        }
        catch
        {
            context.Dispose();
            throw;
        }
    }

    private static ArrayView<byte> View(DeviceAllocation allocation, long offset, long bytes) => ((IlgpuAllocation)allocation).View.SubView(offset, bytes);
}

/// <summary>A block of accelerator memory.</summary>
internal sealed class IlgpuAllocation(MemoryBuffer1D<byte, Stride1D.Dense> buffer, long bytes) : DeviceAllocation(bytes)
{
    public ArrayView<byte> View { get; } = buffer.View.BaseView;

    // It may be the device's failure that frees it, on the way of another exception; the memory of a failed device goes with the device.
    public override void Dispose()
    {
        try
        {
            buffer.Dispose();
        }
        catch (AcceleratorException exception)
        {
            Activity.Current?.AddException(exception);
        }
    }
}
