using GpuTransformer.Host;
using GpuTransformer.Validation;

namespace GpuTransformer.Cli.Reporting;

/// <summary>The verdict on one case.</summary>
internal enum CaseStatus
{
    /// <summary>Within the limit.</summary>
    Passed,

    /// <summary>Outside the limit, not finite, or an error.</summary>
    Failed,

    /// <summary>Needs something this version does not have; never counts as passed.</summary>
    Unsupported,

    /// <summary>Differs, as the documentation says it does, and only there; never counts as passed.</summary>
    DiffersByDesign,
}

/// <summary>One case of <c>validate</c> or <c>verify</c>.</summary>
/// <param name="Name">Which case.</param>
/// <param name="Device">Where it ran.</param>
/// <param name="Status">The verdict.</param>
/// <param name="Error">The largest absolute difference; null where nothing finite was compared.</param>
/// <param name="Limit">The largest difference that passes; null where nothing was compared.</param>
/// <param name="Message">Why it is not passed, or null.</param>
/// <param name="Seconds">How long it took, oracle included.</param>
internal sealed record CaseResult(string Name, string Device, CaseStatus Status, double? Error, double? Limit, string? Message, double Seconds)
{
    /// <summary>The verdict over all outputs of a case: the numbers are those of the output that uses most of its limit.</summary>
    public static CaseResult From(string name, string device, IReadOnlyList<Comparison> comparisons, double seconds)
    {
        Comparison worst = comparisons.MaxBy(static c => Used(c));
        IEnumerable<string> messages = comparisons.Where(static c => !c.Passed).Select(static c => double.IsFinite(c.Error)
            ? $"{c.Output}: error {Format.Error(c.Error)} exceeds the limit {Format.Error(c.Limit)}"
            : $"{c.Output}: NaN or infinity");
        string message = string.Join("; ", messages);
        return new CaseResult(
            name,
            device,
            message.Length == 0 ? CaseStatus.Passed : CaseStatus.Failed,
            double.IsFinite(worst.Error) ? worst.Error : null,
            worst.Limit,
            message.Length == 0 ? null : message,
            seconds);
    }

    private static double Used(in Comparison comparison)
        => !comparison.Passed && comparison.Limit == 0 ? double.MaxValue : comparison.Error / Math.Max(comparison.Limit, double.Epsilon);
}

/// <summary>What <c>validate</c> and <c>verify</c> write: the counts, then every case.</summary>
internal sealed class CaseReport(string command, IReadOnlyList<CaseResult> cases, double seconds)
{
    public string Command { get; } = command;

    public int Passed { get; } = Count(cases, CaseStatus.Passed);

    public int Failed { get; } = Count(cases, CaseStatus.Failed);

    public int Unsupported { get; } = Count(cases, CaseStatus.Unsupported);

    public int DiffersByDesign { get; } = Count(cases, CaseStatus.DiffersByDesign);

    public double Seconds { get; } = seconds;

    public IReadOnlyList<CaseResult> Cases { get; } = cases;

    /// <summary>Writes the failures one by one and the counts, and decides the exit code: nothing compared is no success.</summary>
    public ExitCode Conclude(Terminal terminal)
    {
        foreach (CaseResult failure in Cases.Where(static c => c.Status == CaseStatus.Failed))
            terminal.Line($"FAILED {failure.Device} {failure.Name}: {failure.Message}");
        terminal.Line(
            $"{Passed} passed, {Failed} failed, {Unsupported} unsupported, {DiffersByDesign} differ by design in "
            + $"{Format.Seconds(TimeSpan.FromSeconds(Seconds))}");
        if (Failed > 0)
            return ExitCode.Mismatch;
        return Passed + DiffersByDesign > 0
            ? ExitCode.Pass
            : throw new UsageException("Not one case was compared: no kernel here takes any of the cases that were asked for.");
    }

    private static int Count(IReadOnlyList<CaseResult> cases, CaseStatus status) => cases.Count(c => c.Status == status);
}
