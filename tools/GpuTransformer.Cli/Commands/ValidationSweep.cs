using System.Diagnostics;
using GpuTransformer.Cli.Reporting;
using GpuTransformer.Host;
using GpuTransformer.Validation;

namespace GpuTransformer.Cli.Commands;

/// <summary>
/// Walks the catalogue's cases. Cases are the outer loop, so that each oracle is computed once and forgotten, whatever the number of devices.
/// </summary>
internal sealed class ValidationSweep(
    ValidationDevices devices, IReadOnlyList<(OperatorDefinition Operator, KernelVariant Variant)> variants, int seed, Func<ValidationCase, bool> selects)
{
    private readonly List<(string Device, string Operator, string Variant, CaseResult Result)> _results = [];

    public IReadOnlyList<CaseResult> Run(Terminal terminal, bool verbose, CancellationToken cancellation)
    {
        foreach (IGrouping<OperatorDefinition, KernelVariant> group in variants.GroupBy(static v => v.Operator, static v => v.Variant))
        {
            int first = _results.Count;
            List<ValidationCase> cases = [.. group.Key.Cases(seed).Where(selects)];
            terminal.Progress(group.Key.Name, cases.Count, step =>
            {
                foreach (ValidationCase validation in cases)
                {
                    cancellation.ThrowIfCancellationRequested();
                    foreach (ComputeDevice device in devices.All.Where(d => d.Kind != DeviceKind.Simulator || validation.Size == ValidationSize.Tiny))
                    {
                        foreach (KernelVariant variant in group.Where(v => v.RunsOn(device.Kind)))
                            _results.Add((device.Id, group.Key.Name, variant.Name, Run(device, group.Key, variant, validation)));
                    }

                    step(validation.Name);
                }
            });

            // The next operator's shapes are others.
            foreach (ComputeDevice device in devices.All)
                device.Trim();
            if (verbose)
                WriteCases(terminal, first);
            else if (!terminal.IsInteractive)
                terminal.Line($"{group.Key.Name}: {_results.Count - first} cases");
        }

        WriteSummary(terminal);
        return [.. _results.Select(static r => r.Result)];
    }

    private static CaseResult Run(ComputeDevice device, OperatorDefinition definition, KernelVariant variant, ValidationCase validation)
    {
        string name = $"{definition.Name}/{variant.Name} {validation.Name}";
        long start = Stopwatch.GetTimestamp();
        try
        {
            IReadOnlyList<Comparison>? comparisons = validation.Run(device, variant);
            double seconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
            return comparisons is null
                ? new CaseResult(name, device.Id, CaseStatus.Unsupported, null, null, $"{variant.Name} does not take this case on {device.Id}.", seconds)
                : CaseResult.From(name, device.Id, comparisons, seconds);
        }
        catch (Exception exception) when (exception is not OperationCanceledException)
        {
            // A kernel that does not compile or does not launch is a result of the sweep, and the other kernels still have theirs.
            return new CaseResult(
                name,
                device.Id,
                CaseStatus.Failed,
                null,
                null,
                $"{exception.GetType().Name}: {exception.Message}",
                Stopwatch.GetElapsedTime(start).TotalSeconds);
        }
    }

    private void WriteCases(Terminal terminal, int first) => terminal.Table(
        ["device", "case", "#error", "#limit", "verdict"],
        _results.Skip(first).Select(static r => (IReadOnlyList<string>)
            [r.Device, r.Result.Name, Format.Error(r.Result.Error), Format.Error(r.Result.Limit), r.Result.Status.ToString()]));

    private void WriteSummary(Terminal terminal)
    {
        var rows = from r in _results
                   group r.Result by (r.Device, r.Operator, r.Variant) into g
                   orderby g.Key.Device, g.Key.Operator, g.Key.Variant
                   let worst = g.Where(static c => c.Error is not null).MaxBy(static c => c.Error / c.Limit)
                   select (IReadOnlyList<string>)
                   [
                       g.Key.Device, $"{g.Key.Operator}/{g.Key.Variant}", Count(g, CaseStatus.Passed), Count(g, CaseStatus.Failed),
                       Count(g, CaseStatus.Unsupported),
                       Format.Share(worst?.Error / worst?.Limit), Format.Seconds(TimeSpan.FromSeconds(g.Sum(static c => c.Seconds))),
                   ];
        terminal.Table(["device", "kernel", "#passed", "#failed", "#n/a", "#of limit", "#time"], rows);
        if (_results.Count > 0)
        {
            CaseResult slowest = _results.MaxBy(static r => r.Result.Seconds).Result;
            terminal.Line($"The slowest case was {slowest.Name} on {slowest.Device}, {Format.Seconds(TimeSpan.FromSeconds(slowest.Seconds))} with its oracle.");
        }
    }

    private static string Count(IEnumerable<CaseResult> cases, CaseStatus status) => Format.Count(cases.Count(c => c.Status == status));
}
