namespace GpuTransformer.Host;

/// <summary>What a device has done since it was opened. Read it before and after a step to see what the step cost.</summary>
public sealed class DeviceStatistics
{
    private long _launches;
    private long _compiledKernels;
    private long _reads;
    private long _allocations;
    private long _bytesAllocated;
    private long _bytesInUse;
    private long _peakBytesInUse;
    private long _liveTensors;
    private long _tensorsOutsideScopes;
    private long _forgottenTensors;

    /// <summary>Kernels launched.</summary>
    public long Launches => Volatile.Read(ref _launches);

    /// <summary>Kernels compiled and loaded; zero from the second call of the same shapes on.</summary>
    public long CompiledKernels => Volatile.Read(ref _compiledKernels);

    /// <summary>How often the host read from the device's memory, which waits for all that is queued.</summary>
    public long Reads => Volatile.Read(ref _reads);

    /// <summary>Blocks asked of the driver; zero from the second call of the same shapes on.</summary>
    public long Allocations => Volatile.Read(ref _allocations);

    /// <summary>Bytes held from the driver, pooled ones included.</summary>
    public long BytesAllocated => Volatile.Read(ref _bytesAllocated);

    /// <summary>Bytes that live tensors occupy.</summary>
    public long BytesInUse => Volatile.Read(ref _bytesInUse);

    /// <summary>The most that <see cref="BytesInUse"/> has been since <see cref="ResetPeak"/>.</summary>
    public long PeakBytesInUse => Volatile.Read(ref _peakBytesInUse);

    /// <summary>
    /// Tensors that were made and neither disposed nor taken back after the garbage collector had found them, views included.
    /// <see cref="ComputeDevice.OldestTensors"/> tells where they were made.
    /// </summary>
    public long LiveTensors => Volatile.Read(ref _liveTensors);

    /// <summary>
    /// Tensors that no <see cref="StepScope"/> owns, so that only their maker disposes them: parameters, optimizer state, gradients of leaves, what was kept,
    /// and whatever was computed while no step was open. It is the same after every step of a program that forgets none; one that grows from step to step
    /// computes outside its steps or forgets to close them, and its tensors wait for the garbage collector.
    /// </summary>
    public long TensorsOutsideScopes => Volatile.Read(ref _tensorsOutsideScopes);

    /// <summary>
    /// Tensors that nobody disposed and whose memory went back to the pool after the garbage collector had found them; counted when the device is used next.
    /// Zero in a program that forgets none.
    /// </summary>
    public long ForgottenTensors => Volatile.Read(ref _forgottenTensors);

    /// <summary>Starts the peak anew from what is in use now.</summary>
    public void ResetPeak() => Volatile.Write(ref _peakBytesInUse, BytesInUse);

    internal void CountLaunch()
    {
        Interlocked.Increment(ref _launches);
        Diagnostics.Launches.Add(1);
    }

    internal void CountTensors(int tensors) => Interlocked.Add(ref _liveTensors, tensors);

    internal void CountForgotten(int tensors)
    {
        CountTensors(-tensors);
        CountOutsideScopes(-tensors);
        Interlocked.Add(ref _forgottenTensors, tensors);
    }

    internal void CountOutsideScopes(int tensors) => Interlocked.Add(ref _tensorsOutsideScopes, tensors);

    internal void CountRead() => Interlocked.Increment(ref _reads);

    internal void CountCompile(TimeSpan duration)
    {
        Interlocked.Increment(ref _compiledKernels);
        Diagnostics.Compiles.Add(1);
        Diagnostics.CompileDuration.Record(duration.TotalSeconds);
    }

    // The pool calls these within an operation of the device, one thread at a time.
    internal void CountAllocation(long bytes)
    {
        Interlocked.Increment(ref _allocations);
        Interlocked.Add(ref _bytesAllocated, bytes);
        Diagnostics.MemoryAllocated.Add(bytes);
    }

    internal void CountFree(long bytes)
    {
        Interlocked.Add(ref _bytesAllocated, -bytes);
        Diagnostics.MemoryAllocated.Add(-bytes);
    }

    internal void CountInUse(long bytes)
    {
        long now = Interlocked.Add(ref _bytesInUse, bytes);
        if (now > _peakBytesInUse)
            Volatile.Write(ref _peakBytesInUse, now);
    }
}
