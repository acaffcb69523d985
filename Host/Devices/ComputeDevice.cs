using System.Diagnostics;

namespace GpuTransformer.Host;

/// <summary>
/// One device: it is opened, launches kernels, holds a pool of memory and counts what it does. Open the best with <c>ComputeDevice.Create()</c> or a certain
/// one with <c>ComputeDevice.Create("cuda:1")</c>. Work is queued in order. What a program opens on it for a while is a <see cref="StepScope"/>.
/// </summary>
/// <remarks>
/// One thread at a time may use a device. A second one gets a <see cref="DeviceInUseException"/> that names both when it comes in the middle of an operation,
/// or while another has a step, a tape or training open: nothing is launched, nothing is lost, and the first goes on. Threads may take turns: around whole
/// steps by a lock of their own, and within a step by <c>await</c>, a task that is awaited or a thread that is joined, all of which carry the step with them.
/// Who was handed an open step in another way proves it by using that (<see cref="StepScope.Keep"/>, <see cref="StepScope.Backward"/>). Disposing tensors and
/// steps is allowed on any thread at any time; memory that an operation under way may still use is given back when that has ended. The counters of
/// <see cref="Statistics"/> may be read at any time.
/// </remarks>
public sealed partial class ComputeDevice : IDisposable, IDeviceDuty
{
    private volatile bool _disposed;
    private bool _freed;

    internal ComputeDevice(DeviceDescription description, DeviceBackend backend, ComputeDeviceOptions? options = null)
    {
        Description = description;
        Backend = backend;
        Turns = new DeviceTurns(this);
        Execution = new ExecutionState(this);
        Pool = new MemoryPool(backend, Statistics, Turns, Execution);
        Traces = options is { TraceTensors: true } ? new TensorTraces() : null;
    }

    /// <summary>What the device is.</summary>
    public DeviceDescription Description { get; }

    /// <summary>How it is asked for: <c>cpu</c>, <c>cuda:0</c>, <c>opencl:1</c>.</summary>
    public string Id => Description.Id;

    /// <summary>What runs the kernels.</summary>
    public DeviceKind Kind => Description.Kind;

    /// <summary>What it has done so far.</summary>
    public DeviceStatistics Statistics { get; } = new();

    internal DeviceBackend Backend { get; }

    internal MemoryPool Pool { get; }

    /// <summary>Null unless <see cref="ComputeDeviceOptions.TraceTensors"/>.</summary>
    internal TensorTraces? Traces { get; }

    internal DeviceTurns Turns { get; }

    internal bool IsDisposed => _disposed;

    /// <summary>All devices of this machine, usable or not; those left out say why.</summary>
    public static IReadOnlyList<DeviceDescription> Discover() => DeviceDiscovery.All();

    /// <summary>
    /// Opens the device that <paramref name="id"/> names (<c>cpu</c>, <c>cuda</c>, <c>cuda:1</c>, <c>opencl</c>, <c>opencl:0</c>, <c>simulator</c>), or the
    /// best one: CUDA, then an OpenCL GPU, then the processor.
    /// </summary>
    /// <param name="id">Which device; <c>cuda</c> or <c>opencl</c> alone takes the first usable one of that kind, a GPU before a processor.</param>
    /// <param name="options">How it is opened; null for the defaults.</param>
    /// <exception cref="DeviceNotFoundException">
    /// <paramref name="id"/> is no device id, or there is no such device, or it cannot be used; the message says why, and lists what is here.
    /// </exception>
    public static ComputeDevice Create(string? id = null, ComputeDeviceOptions? options = null)
        => DeviceDiscovery.Open(id, options ?? new ComputeDeviceOptions());

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
    /// Where the live tensors were made, the oldest first: what a program forgets gets ever older. Tensors that share memory are one. May be called on any
    /// thread.
    /// </summary>
    /// <param name="most">How many to tell of at most.</param>
    /// <exception cref="InvalidOperationException">The device was opened without <see cref="ComputeDeviceOptions.TraceTensors"/>.</exception>
    public IReadOnlyList<TensorOrigin> OldestTensors(int most = 10)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(most);
        return Traces?.Oldest(most)
            ?? throw new InvalidOperationException(
                $"{this} does not know where tensors were made; open it with {nameof(ComputeDeviceOptions)}.{nameof(ComputeDeviceOptions.TraceTensors)} = "
                + "true.");
    }

    /// <summary>
    /// Frees all memory. Tensors of this device cannot be used any more. Allowed on any thread and at any time: where another thread is in the middle of an
    /// operation, that ends first and its thread then frees the memory; what it begins afterwards gets an <see cref="ObjectDisposedException"/>. Throws
    /// nothing: what a failed device says when it is closed goes to the activity <c>device.dispose</c>, so that it never hides the exception on which a
    /// <c>using</c> block is left. <see cref="Synchronize"/> throws.
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
