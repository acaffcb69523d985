namespace GpuTransformer.Host;

/// <summary>A device that discovery found, and how to open it; null where it cannot be used, for the reason that the description gives.</summary>
internal sealed record DeviceCandidate(DeviceDescription Description, Func<DeviceBackend>? Open);
