using System.CommandLine;
using System.Diagnostics;
using GpuTransformer.Cli.Reporting;
using GpuTransformer.Host;
using GpuTransformer.Validation;

namespace GpuTransformer.Cli.Commands;

/// <summary>
/// <c>validate</c>: every variant that can run on the device against its float64 oracle, over the catalogue's sweep of awkward shapes, masks and data types.
/// </summary>
internal static class ValidateCommand
{
    public static Command Create()
    {
        Option<string?> device = SharedOptions.Devices();
        Option<string> kernel = SharedOptions.Kernel();
        var variant = new Option<string?>("--variant") { Description = "only this variant: Portable, Vectorized, …", HelpName = "NAME" };
        Option<int> seed = SharedOptions.Seed();
        var quick = new Option<bool>("--quick") { Description = "leave out the large cases; under a minute on four cores" };
        var tiny = new Option<bool>("--tiny") { Description = "only the smallest cases, which the simulator runs: for devices that are simulators themselves" };
        var cases = new Option<string>("--case")
        {
            Description = "only cases whose name matches this pattern: *Float32, '2x80 *' (--verbose lists the names)",
            HelpName = "PATTERN",
            DefaultValueFactory = static _ => "*",
        };
        Option<bool> verbose = SharedOptions.Verbose();
        Option<FileInfo?> json = SharedOptions.Json();
        var command = new Command(
            "validate",
            "Compare every kernel that can run on a device with its float64 oracle.") { device, kernel, variant, cases, seed, quick, tiny, verbose, json };
        return command.Runs(invocation =>
        {
            var variants = SharedOptions.SelectVariants(invocation.Require(kernel), invocation.Get(variant));
            using var devices = new ValidationDevices(invocation.Get(device));
            invocation.Terminal.Line($"Validating on {string.Join(" and ", devices.All)}, seed {invocation.Require(seed)}.");
            ValidationSize largest = invocation.Get(tiny) ? ValidationSize.Tiny : invocation.Get(quick) ? ValidationSize.Quick : ValidationSize.Full;
            var sweep = new ValidationSweep(
                devices, variants, invocation.Require(seed), c => c.Size <= largest && SharedOptions.Matches(invocation.Require(cases), c.Name));
            long start = Stopwatch.GetTimestamp();
            IReadOnlyList<CaseResult> results = sweep.Run(invocation.Terminal, invocation.Get(verbose), invocation.Cancellation);
            if (results.Count == 0)
                throw new UsageException($"No case matches '{invocation.Require(cases)}'.");
            var report = new CaseReport("validate", results, Stopwatch.GetElapsedTime(start).TotalSeconds);
            JsonFile.Write(invocation.Get(json), report);
            return report.Conclude(invocation.Terminal);
        });
    }
}
