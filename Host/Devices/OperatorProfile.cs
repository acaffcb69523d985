using System.Runtime.InteropServices;

namespace GpuTransformer.Host;

/// <summary>What one operator has cost.</summary>
/// <param name="Operator">Its name in the catalogue.</param>
/// <param name="Variant">What was launched.</param>
/// <param name="Calls">How often.</param>
/// <param name="Time">In all, each call until the device had finished.</param>
public readonly record struct OperatorCost(string Operator, string Variant, long Calls, TimeSpan Time);

/// <summary>
/// Where the time goes, operator by operator: set it as <see cref="ComputeDevice.Profile"/>, run some steps, read <see cref="Costs"/>. While it is set, every
/// operator waits for the device, so that the sum is somewhat more than the time without it; compare the shares.
/// </summary>
public sealed class OperatorProfile
{
    private readonly Dictionary<(string Operator, string Variant), (long Calls, TimeSpan Time)> _costs = [];

    /// <summary>What was measured so far, the dearest first.</summary>
    public IReadOnlyList<OperatorCost> Costs
        => [.. _costs.Select(static c => new OperatorCost(c.Key.Operator, c.Key.Variant, c.Value.Calls, c.Value.Time)).OrderByDescending(static c => c.Time)];

    internal void Add(string name, string variant, TimeSpan time)
    {
        ref (long Calls, TimeSpan Time) cost = ref CollectionsMarshal.GetValueRefOrAddDefault(_costs, (name, variant), out _);
        cost = (cost.Calls + 1, cost.Time + time);
    }
}
