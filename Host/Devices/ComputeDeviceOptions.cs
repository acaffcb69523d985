namespace GpuTransformer.Host;

/// <summary>How a device is opened.</summary>
public sealed record ComputeDeviceOptions
{
    /// <summary>
    /// How many threads the <c>cpu</c> device uses, the calling one included; null for <see cref="Environment.ProcessorCount"/>, which knows
    /// processor affinity and container limits. Results do not depend on it. Other devices ignore it.
    /// </summary>
    /// <exception cref="ArgumentException">It is below 1.</exception>
    public int? Threads
    {
        get;
        init => field = value is null or > 0
            ? value
            : throw new ArgumentException($"Threads = {value}, but a device needs at least 1; null is for as many as there are processors.", nameof(Threads));
    }

    /// <summary>
    /// Whether the device remembers where each tensor is made, for <see cref="ComputeDevice.OldestTensors"/>; false by default. For debugging: each tensor then
    /// costs some ten microseconds and some kilobytes more.
    /// </summary>
    public bool TraceTensors { get; init; }
}
