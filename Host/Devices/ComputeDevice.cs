using System.Diagnostics;
using System.Reflection;
using GpuTransformer.Kernels;
using ILGPU;
using ILGPU.Runtime;

namespace GpuTransformer.Host;

/// <summary>
/// One device and everything that lives on it: its memory pool, its loaded kernels, its counters. Open the best with <c>ComputeDevice.Create()</c> or a
/// certain one with <c>ComputeDevice.Create("cuda:1")</c>. Work is queued in order.
/// </summary>
/// <remarks>
/// One thread at a time may use a device. A second one gets a <see cref="DeviceInUseException"/> that names both when it comes in the middle of an operation, or while another has a step,
/// a tape or a training scope open: nothing is launched, nothing is lost, and the first goes on. Threads may take turns: around whole steps by a lock of their own, and within a step by
/// <c>await</c>, a task that is awaited or a thread that is joined, all of which carry the step with them. Who was handed an open scope in another way proves it by using that
/// (<see cref="StepScope.Keep"/>, <see cref="GradientTape.Backward"/>). Disposing tensors and scopes is allowed on any thread at any time; memory that an operation under way may still use
/// is given back when that has ended. The counters of <see cref="Statistics"/> may be read at any time.
/// </remarks>
public sealed partial class ComputeDevice : IDisposable, IDeviceDuty
{
    private readonly Dictionary<MethodInfo, Delegate> _kernels = [];
    private readonly Stack<List<Tensor>> _scopeStorage = new();
    private volatile bool _disposed;
    private bool _freed;

    internal ComputeDevice(DeviceDescription description, DeviceBackend backend, ComputeDeviceOptions? options = null)
    {
        Description = description;
        Backend = backend;
        Turns = new DeviceTurns(this);
        Pool = new MemoryPool(backend, Statistics, Turns);
        Traces = options is { TraceTensors: true } ? new TensorTraces() : null;
        _walking = new RecordingPause(this, null);
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

    /// <summary>Null unless <see cref="ComputeDeviceOptions.TraceTensors"/>.</summary>
    internal TensorTraces? Traces { get; }

    internal StepScope? CurrentScope { get; private set; }

    internal DeviceTurns Turns { get; }

    internal bool IsDisposed => _disposed;

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
    /// <exception cref="DeviceInUseException">Another thread is using the device.</exception>
    public StepScope BeginStep()
    {
        using DeviceTurn turn = Enter();
        StepScope? parent = CurrentScope;

        // A step is what repeats: an outermost scope or, where a whole program stands in one, those right inside it. What operators open within themselves is none.
        int ticks = Turns.IsNested ? 0 : parent is null ? MemoryPool.TicksPerStep : parent.Parent is null ? 1 : 0;

        // Within a step the flow that opened the outermost one is the user already.
        return CurrentScope = new StepScope(this, parent, ScopeStorage(), parent is null ? Turns.Open() : null, ticks);
    }

    /// <summary>Opens a closed scope again, as the innermost, within the operation that opened it first.</summary>
    internal void Reopen(StepScope scope)
    {
        scope.Reopen(ScopeStorage());
        CurrentScope = scope;
    }

    /// <summary>Waits until all queued work is done.</summary>
    /// <exception cref="DeviceFailedException">The device failed, then or in earlier work.</exception>
    /// <exception cref="DeviceInUseException">Another thread is using the device.</exception>
    public void Synchronize()
    {
        using DeviceTurn turn = Enter();
        try
        {
            Backend.Synchronize();
        }
        catch (Exception exception) when (Backend.IsDeviceError(exception))
        {
            throw Failure("finishing its queued work", exception);
        }
    }

    /// <summary>Gives pooled memory that no tensor uses back to the driver.</summary>
    /// <exception cref="DeviceInUseException">Another thread is using the device.</exception>
    public void Trim()
    {
        using DeviceTurn turn = Enter();
        Pool.Trim();
    }

    /// <summary>
    /// Where the live tensors were made, the oldest first: what a program forgets gets ever older. Tensors that share memory are one. May be called on any thread.
    /// </summary>
    /// <param name="most">How many to tell of at most.</param>
    /// <exception cref="InvalidOperationException">The device was opened without <see cref="ComputeDeviceOptions.TraceTensors"/>.</exception>
    public IReadOnlyList<TensorOrigin> OldestTensors(int most = 10)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(most);
        return Traces?.Oldest(most)
            ?? throw new InvalidOperationException($"{this} does not know where tensors were made; open it with {nameof(ComputeDeviceOptions)}.{nameof(ComputeDeviceOptions.TraceTensors)} = true.");
    }

    /// <summary>
    /// Frees all memory. Tensors of this device cannot be used any more. Allowed on any thread and at any time: where another thread is in the middle of an operation, that ends first and
    /// its thread then frees the memory; what it begins afterwards gets an <see cref="ObjectDisposedException"/>. Throws nothing: what a failed device says when it is closed goes to the
    /// activity <c>device.dispose</c>, so that it never hides the exception on which a <c>using</c> block is left. <see cref="Synchronize"/> throws.
    /// </summary>
    public void Dispose()
    {
        _disposed = true;
        Turns.Perform(this);
    }

    /// <summary>No operation is under way, and none can begin any more.</summary>
    void IDeviceDuty.Perform()
    {
        if (_freed)
            return;
        _freed = true;
        using Activity? activity = Diagnostics.Activities.StartActivity("device.dispose");
        Attempt(Backend.Synchronize, activity);
        Attempt(Pool.Dispose, activity);
        Attempt(Backend.Dispose, activity);
    }

    /// <inheritdoc/>
    public override string ToString() => $"{Id} ({Description.Name})";

    internal void ThrowIfDisposed() => ObjectDisposedException.ThrowIf(_disposed, this);

    /// <summary>Begins an operation; see <see cref="DeviceTurns"/>.</summary>
    internal DeviceTurn Enter() => Turns.Enter();

    /// <summary>The kernels that were launched so far.</summary>
    internal IReadOnlyCollection<MethodInfo> LoadedKernels => _kernels.Keys;

    /// <summary>The most threads that one launch has; a larger grid is launched in parts. ILGPU counts the threads of an OpenCL grid in 32 bits. Tests set less.</summary>
    internal int LongestLaunch { get; set; } = int.MaxValue;

    /// <summary>Queues a Portable or TensorCore kernel, whose groups are numbered from zero on. The first launch of a kernel compiles it for this device.</summary>
    /// <exception cref="NotSupportedException">There are more groups than an Int32 can number; nothing was launched.</exception>
    internal void Launch<TParameters>(Action<TParameters> kernel, long groups, int groupSize, in TParameters parameters)
        where TParameters : struct, IGridKernel
    {
        using DeviceTurn turn = Enter();
        if (groups == 0)
            return;
        if (groups > int.MaxValue)
        {
            throw new NotSupportedException(
                $"{kernel.Method.DeclaringType?.Name} would need {groups} groups of threads, but at most {int.MaxValue} can be numbered. Use smaller batches.");
        }

        RememberLaunch(kernel.Method);
        if (!_kernels.TryGetValue(kernel.Method, out Delegate? loaded))
        {
            using Activity? activity = Diagnostics.Activities.StartActivity("kernel.compile");
            activity?.SetTag("kernel", kernel.Method.DeclaringType?.Name);
            long start = Stopwatch.GetTimestamp();
            loaded = ((IlgpuBackend)Backend).Load(kernel);
            _kernels.Add(kernel.Method, loaded);
            Statistics.CountCompile(Stopwatch.GetElapsedTime(start));
        }

        int most = Math.Max(1, LongestLaunch / groupSize);
        TParameters part = parameters;
        for (long first = 0; first < groups; first += most)
        {
            part.FirstGroup = (int)first;
            Statistics.CountLaunch();
            ((Action<KernelConfig, TParameters>)loaded)(new KernelConfig((int)Math.Min(most, groups - first), groupSize), part);
        }
    }

    /// <summary>Runs a Vectorized kernel on all cores and waits for it.</summary>
    internal void Launch<TKernel>(int blocks, in TKernel kernel)
        where TKernel : unmanaged, IBlockKernel
    {
        using DeviceTurn turn = Enter();
        Statistics.CountLaunch();
        ((CpuBackend)Backend).Workers.Run(blocks, kernel);
    }

    /// <summary>How many threads a Vectorized kernel can use; 1 on other devices.</summary>
    internal int Workers => Backend is CpuBackend cpu ? cpu.Workers.Count : 1;

    /// <summary>Part of a duty: closes a scope, and with it those opened inside it that somebody forgot to close.</summary>
    internal void CloseScope(StepScope scope)
    {
        while (!scope.IsClosed)
        {
            StepScope innermost = CurrentScope!;
            CurrentScope = innermost.Parent;
            innermost.Release();
            _scopeStorage.Push(innermost.Storage);
            if (innermost.Ticks > 0)
                Pool.Advance(innermost.Ticks);
        }
    }

    private List<Tensor> ScopeStorage() => _scopeStorage.TryPop(out List<Tensor>? storage) ? storage : [];

    private void Attempt(Action action, Activity? activity)
    {
        try
        {
            action();
        }
        catch (Exception exception) when (Backend.IsDeviceError(exception))
        {
            activity?.AddException(exception);
        }
    }
}
