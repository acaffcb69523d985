namespace GpuTransformer.Host;

/// <summary>How a device is opened.</summary>
public sealed record ComputeDeviceOptions
{
    /// <summary>
    /// How many threads the <c>cpu</c> device uses, the calling one included; null for <see cref="Environment.ProcessorCount"/>, which knows
    /// processor affinity and container limits. Results do not depend on it. Other devices ignore it.
    /// </summary>
    public int? Threads { get; init; }
}
