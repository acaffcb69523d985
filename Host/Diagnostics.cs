using System.Diagnostics;
using System.Diagnostics.Metrics;

namespace GpuTransformer.Host;

/// <summary>The library's one meter and one activity source, both named <c>GpuTransformer</c>; they cost nothing while nobody listens.</summary>
internal static class Diagnostics
{
    private const string Name = "GpuTransformer";

    public static readonly ActivitySource Activities = new(Name);
    public static readonly Meter Meter = new(Name);
    public static readonly Counter<long> Launches = Meter.CreateCounter<long>("kernel.launches");
    public static readonly Counter<long> Compiles = Meter.CreateCounter<long>("kernel.compiles");
    public static readonly Histogram<double> CompileDuration = Meter.CreateHistogram<double>("kernel.compile.duration", "s");
    public static readonly UpDownCounter<long> MemoryAllocated = Meter.CreateUpDownCounter<long>("device.memory.allocated", "By");
}
