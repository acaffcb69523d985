using System.CommandLine;
using System.Diagnostics;
using GpuTransformer.Cli.Reporting;
using GpuTransformer.Host;

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
        Option<bool> verbose = SharedOptions.Verbose();
        Option<FileInfo?> json = SharedOptions.Json();
        var command = new Command("validate", "Compare every kernel that can run on a device with its float64 oracle.") { device, kernel, variant, seed, quick, verbose, json };
        return command.Runs(invocation =>
        {
            var variants = SharedOptions.SelectVariants(invocation.Require(kernel), invocation.Get(variant));
            using var devices = new ValidationDevices(invocation.Get(device));
            invocation.Terminal.Line($"Validating on {string.Join(" and ", devices.All)}, seed {invocation.Require(seed)}.");
            var sweep = new ValidationSweep(devices, variants, invocation.Require(seed), invocation.Get(quick));
            long start = Stopwatch.GetTimestamp();
            IReadOnlyList<CaseResult> results = sweep.Run(invocation.Terminal, invocation.Get(verbose), invocation.Cancellation);
            var report = new CaseReport("validate", results, Stopwatch.GetElapsedTime(start).TotalSeconds);
            JsonFile.Write(invocation.Get(json), report);
            return report.Conclude(invocation.Terminal);
        });
    }
}
