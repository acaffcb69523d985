using System.Diagnostics;
using System.Reflection;
using GpuTransformer.Kernels;
using ILGPU;
using ILGPU.Runtime;

namespace GpuTransformer.Host;

/// <summary>
/// One device and everything that lives on it: its memory pool, its loaded kernels, its counters. Open the best with <c>ComputeDevice.Create()</c> or a
/// certain one with <c>ComputeDevice.Create("cuda:1")</c>. Work is queued in order; one thread at a time may use a device.
/// </summary>
public sealed partial class ComputeDevice : IDisposable
{
    // CUDA's limit for the second and third axis of a grid; the same everywhere, so that what runs on one device runs on all.
    private const int LongestOuterAxis = 65535;

    private readonly Dictionary<MethodInfo, Delegate> _kernels = [];
    private readonly Stack<List<Tensor>> _scopeStorage = new();
    private bool _disposed;

    internal ComputeDevice(DeviceDescription description, DeviceBackend backend)
    {
        Description = description;
        Backend = backend;
        Pool = new MemoryPool(backend, Statistics);
    }

    /// <summary>What the device is.</summary>
    public DeviceDescription Description { get; }

    /// <summary>How it is asked for: <c>cpu</c>, <c>cuda:0</c>, <c>opencl:1</c>.</summary>
    public string Id => Description.Id;

    /// <summary>What runs the kernels.</summary>
    public DeviceKind Kind => Description.Kind;

    /// <summary>What it has done so far.</summary>
    public DeviceStatistics Statistics { get; } = new();

    /// <summary>
    /// The name of the variant to use where an operator has it, in place of the dispatcher's choice; null for the dispatcher's choice.
    /// For comparisons: results differ only in rounding.
    /// </summary>
    /// <exception cref="ArgumentException">No operator of the <see cref="KernelCatalog"/> has a variant of that name.</exception>
    public string? PreferredVariant
    {
        get;
        set => field = value is null ? null : KernelCatalog.CheckVariant(value, nameof(PreferredVariant));
    }

    /// <summary>Receives what every operator costs while it is set; each call then waits for the device. Null, the default, costs nothing.</summary>
    public OperatorProfile? Profile { get; set; }

    internal DeviceBackend Backend { get; }

    internal MemoryPool Pool { get; }

    internal StepScope? CurrentScope { get; private set; }

    /// <summary>All devices of this machine, usable or not; those left out say why.</summary>
    public static IReadOnlyList<DeviceDescription> Discover() => DeviceDiscovery.All();

    /// <summary>
    /// Opens the device that <paramref name="id"/> names (<c>cpu</c>, <c>cuda</c>, <c>cuda:1</c>, <c>opencl</c>, <c>opencl:0</c>, <c>simulator</c>), or the best one:
    /// CUDA, then an OpenCL GPU, then the processor.
    /// </summary>
    /// <param name="id">Which device; <c>cuda</c> or <c>opencl</c> alone takes the first usable one of that kind, a GPU before a processor.</param>
    /// <param name="options">How it is opened; null for the defaults.</param>
    /// <exception cref="DeviceNotFoundException">
    /// <paramref name="id"/> is no device id, or there is no such device, or it cannot be used; the message says why, and lists what is here.
    /// </exception>
    public static ComputeDevice Create(string? id = null, ComputeDeviceOptions? options = null) => DeviceDiscovery.Open(id, options ?? new ComputeDeviceOptions());

    /// <summary>Starts a step: tensors made until it is disposed belong to it.</summary>
    public StepScope BeginStep()
    {
        ThrowIfDisposed();
        if (!_scopeStorage.TryPop(out List<Tensor>? storage))
            storage = [];
        return CurrentScope = new StepScope(this, CurrentScope, storage);
    }

    /// <summary>Waits until all queued work is done.</summary>
    public void Synchronize()
    {
        ThrowIfDisposed();
        Backend.Synchronize();
    }

    /// <summary>Gives pooled memory that no tensor uses back to the driver.</summary>
    public void Trim() => Pool.Trim();

    /// <summary>Frees all memory. Tensors of this device cannot be used any more.</summary>
    public void Dispose()
    {
        if (_disposed)
            return;
        Backend.Synchronize();
        _disposed = true;
        Pool.Dispose();
        Backend.Dispose();
    }

    /// <inheritdoc/>
    public override string ToString() => $"{Id} ({Description.Name})";

    internal void ThrowIfDisposed() => ObjectDisposedException.ThrowIf(_disposed, this);

    /// <summary>Queues a Portable kernel. The first launch of a kernel compiles it for this device.</summary>
    internal void Launch<TParameters>(Action<TParameters> kernel, Index3D grid, Index3D group, in TParameters parameters)
        where TParameters : struct
    {
        ThrowIfDisposed();

        // Not grid.Size, which is 32 bits wide and may wrap around to zero.
        if (grid.X == 0 || grid.Y == 0 || grid.Z == 0)
            return;
        if (grid.Y > LongestOuterAxis || grid.Z > LongestOuterAxis)
            throw new NotSupportedException($"{kernel.Method.DeclaringType?.Name} would need a grid of {grid.X} x {grid.Y} x {grid.Z} groups, but a GPU takes at most {LongestOuterAxis} along its outer axes. Use smaller batches.");
        if (!_kernels.TryGetValue(kernel.Method, out Delegate? loaded))
        {
            using Activity? activity = Diagnostics.Activities.StartActivity("kernel.compile");
            activity?.SetTag("kernel", kernel.Method.DeclaringType?.Name);
            long start = Stopwatch.GetTimestamp();
            loaded = ((IlgpuBackend)Backend).Load(kernel);
            _kernels.Add(kernel.Method, loaded);
            Statistics.CountCompile(Stopwatch.GetElapsedTime(start));
        }

        Statistics.CountLaunch();
        ((Action<KernelConfig, TParameters>)loaded)(new KernelConfig(grid, group), parameters);
    }

    /// <summary>Runs a Vectorized kernel on all cores and waits for it.</summary>
    internal void Launch<TKernel>(int blocks, in TKernel kernel)
        where TKernel : unmanaged, IBlockKernel
    {
        ThrowIfDisposed();
        Statistics.CountLaunch();
        ((CpuBackend)Backend).Workers.Run(blocks, kernel);
    }

    /// <summary>How many threads a Vectorized kernel can use; 1 on other devices.</summary>
    internal int Workers => Backend is CpuBackend cpu ? cpu.Workers.Count : 1;

    internal void CloseScope(StepScope scope, StepScope? parent)
    {
        if (!ReferenceEquals(CurrentScope, scope))
            throw new InvalidOperationException("Step scopes close in the reverse order of their opening; an inner one is still open.");
        CurrentScope = parent;
    }

    internal void RecycleScopeStorage(List<Tensor> storage) => _scopeStorage.Push(storage);
}
