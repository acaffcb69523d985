using System.Diagnostics;
using System.Text.Json.Serialization;
using GpuTransformer.Host;

namespace GpuTransformer.Cli.Benchmarks;

/// <summary>What one call costs.</summary>
/// <param name="Name">What was called, with its sizes.</param>
/// <param name="Device">Where.</param>
/// <param name="DType">In what precision.</param>
/// <param name="Repeats">How many calls were timed.</param>
/// <param name="MedianMs">The middle one of all calls, in milliseconds: what to expect.</param>
/// <param name="MinMs">The fastest call, in milliseconds: what the machine can do when it does nothing else.</param>
/// <param name="Gflops">Billions of floating-point operations per second, by the median.</param>
/// <param name="Launches">Kernels launched per call.</param>
/// <param name="DeviceBytes">The most device memory that the tensors of one call occupy at a time, beyond what was there before.</param>
/// <param name="SecondCallAllocations">Blocks asked of the driver from the second call on: zero.</param>
/// <param name="SecondCallCompiles">Kernels compiled from the second call on: zero.</param>
/// <param name="ManagedBytes">Managed memory allocated per call.</param>
/// <param name="ExtraBytes">What of <paramref name="DeviceBytes"/> is neither a result nor a gradient, where the benchmark tells them apart.</param>
/// <param name="BytesPerToken">The same for each query position.</param>
/// <param name="Operators">Where the time goes, if that was asked for: from calls of their own in which every operator waits for the device.</param>
internal sealed record Measurement(
    string Name,
    string Device,
    [property: JsonPropertyName("dtype")] DType DType,
    int Repeats,
    double MedianMs,
    double MinMs,
    double Gflops,
    long Launches,
    long DeviceBytes,
    long SecondCallAllocations,
    long SecondCallCompiles,
    long ManagedBytes,
    long? ExtraBytes = null,
    double? BytesPerToken = null,
    IReadOnlyList<OperatorShare>? Operators = null)
{
    // The first calls compile kernels, fill the pool and warm the caches.
    private const int WarmUps = 3;

    /// <summary>Times <paramref name="call"/>, each in a step of its own that ends when the device has finished.</summary>
    public static Measurement Of(string name, ComputeDevice device, DType dtype, double flop, int repeats, Action call, CancellationToken cancellation)
    {
        DeviceStatistics statistics = device.Statistics;
        Once(device, call);
        (long allocations, long compiles) = (statistics.Allocations, statistics.CompiledKernels);
        for (int i = 1; i < WarmUps; i++)
            Once(device, call);

        long inUse = statistics.BytesInUse, launches = statistics.Launches;
        statistics.ResetPeak();
        var milliseconds = new double[repeats];
        long managed = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < repeats; i++)
        {
            cancellation.ThrowIfCancellationRequested();
            milliseconds[i] = Once(device, call).TotalMilliseconds;
        }

        managed = GC.GetAllocatedBytesForCurrentThread() - managed;
        Array.Sort(milliseconds);
        double median = milliseconds[repeats / 2];
        return new Measurement(
            name,
            device.Id,
            dtype,
            repeats,
            median,
            milliseconds[0],
            flop / median / 1e6,
            (statistics.Launches - launches) / repeats,
            statistics.PeakBytesInUse - inUse,
            statistics.Allocations - allocations,
            statistics.CompiledKernels - compiles,
            managed / repeats);
    }

    /// <summary>The same with <see cref="Operators"/>, from as many calls again.</summary>
    public Measurement ByOperator(ComputeDevice device, Action call)
    {
        var profile = new OperatorProfile();
        device.Profile = profile;
        for (int i = 0; i < Repeats; i++)
            Once(device, call);
        device.Profile = null;
        double total = profile.Costs.Sum(static c => c.Time.TotalMilliseconds);
        return this with
        {
            Operators = [.. profile.Costs.Select(c
                => new OperatorShare(c.Operator, c.Variant, c.Calls / Repeats, c.Time.TotalMilliseconds / Repeats, c.Time.TotalMilliseconds / total))],
        };
    }

    private static TimeSpan Once(ComputeDevice device, Action call)
    {
        long start = Stopwatch.GetTimestamp();
        using (device.BeginStep())
            call();
        device.Synchronize();
        return Stopwatch.GetElapsedTime(start);
    }
}

/// <summary>What one operator contributes to a call.</summary>
/// <param name="Operator">Its name.</param>
/// <param name="Variant">What was launched.</param>
/// <param name="Calls">How often per call.</param>
/// <param name="Ms">Milliseconds per call.</param>
/// <param name="Share">Of the time of all operators.</param>
internal sealed record OperatorShare(string Operator, string Variant, long Calls, double Ms, double Share);
