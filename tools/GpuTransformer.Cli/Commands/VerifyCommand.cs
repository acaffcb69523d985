using System.CommandLine;
using System.Diagnostics;
using GpuTransformer.Cli.Reporting;
using GpuTransformer.Cli.Verification;
using GpuTransformer.Host;

namespace GpuTransformer.Cli.Commands;

/// <summary><c>verify</c>: golden vectors of x-transformers, case by case, through this library.</summary>
internal static class VerifyCommand
{
    public static Command Create()
    {
        var path = new Argument<DirectoryInfo?>("PATH")
        {
            Description = "a folder with manifest.json and one safetensors file per case", Arity = ArgumentArity.ZeroOrOne,
        };
        var sweep = new Option<bool>("--cache-sweep")
        {
            Description = "in place of a folder: compare steps with a cache of keys and values with whole sequences without, over combinations of options",
        };
        Option<string?> device = SharedOptions.Device();
        var filter = new Option<string>("--filter")
        {
            Description = "only cases whose name matches this pattern: dec_*, *alibi*",
            HelpName = "GLOB",
            DefaultValueFactory = static _ => "*",
        };
        var gradients = new Option<bool>("--gradients") { Description = "also compare the gradients of inputs and parameters, where the case has them" };
        Option<bool> verbose = SharedOptions.Verbose();
        Option<FileInfo?> json = SharedOptions.Json();
        var command = new Command(
            "verify",
            "Build and run the modules of a folder of golden vectors and compare their outputs with "
            + "PyTorch's.") { path, sweep, device, filter, gradients, verbose, json };
        return command.Runs(invocation =>
        {
            if (invocation.Get(sweep))
                return SweepCaches(invocation, invocation.Get(device), invocation.Require(filter), invocation.Get(verbose), invocation.Get(json));
            GoldenManifest manifest = GoldenManifest.Read(
                invocation.Get(path) ?? throw new UsageException("verify needs a folder of golden vectors, or --cache-sweep."));
            List<GoldenCase> cases = [.. manifest.Cases.Where(c => SharedOptions.Matches(invocation.Require(filter), c.Name))];
            if (cases.Count == 0)
                throw new UsageException($"None of the {manifest.Cases.Count} cases matches '{invocation.Require(filter)}'.");
            using ComputeDevice opened = ComputeDevice.Create(invocation.Get(device));
            invocation.Terminal.Line($"Verifying {cases.Count} of {manifest.Cases.Count} cases on {opened}.");
            long start = Stopwatch.GetTimestamp();
            List<CaseResult> results = Run(invocation, new GoldenVerifier(manifest, opened, invocation.Get(gradients)), cases);
            var report = new CaseReport("verify", results, Stopwatch.GetElapsedTime(start).TotalSeconds);
            Write(invocation.Terminal, cases, results, invocation.Get(verbose));
            JsonFile.Write(invocation.Get(json), report);
            return report.Conclude(invocation.Terminal);
        });
    }

    private static ExitCode SweepCaches(Invocation invocation, string? device, string filter, bool verbose, FileInfo? json)
    {
        List<CacheCombination> combinations = [.. CacheCombination.All.Where(c => SharedOptions.Matches(filter, c.Name))];
        if (combinations.Count == 0)
            throw new UsageException($"No combination of options matches '{filter}'.");
        using ComputeDevice opened = ComputeDevice.Create(device);
        invocation.Terminal.Line($"Comparing {combinations.Count} combinations of options, with a cache and without, on {opened}.");
        long start = Stopwatch.GetTimestamp();
        var results = new List<CaseResult>();
        invocation.Terminal.Progress("verify", combinations.Count, step =>
        {
            foreach (CacheCombination combination in combinations)
            {
                invocation.Cancellation.ThrowIfCancellationRequested();
                results.Add(combination.Run(opened));
                step(combination.Name);
            }
        });
        if (verbose)
        {
            invocation.Terminal.Table(
                ["combination", "#error", "#limit", "verdict", "why"],
                results.Select(static r
                    => (IReadOnlyList<string>)[r.Name, Format.Error(r.Error), Format.Error(r.Limit), r.Status.ToString(), r.Message ?? string.Empty]));
        }

        CaseResult worst = results.MaxBy(static r => r.Error / r.Limit)!;
        invocation.Terminal.Line($"The largest difference is {Format.Share(worst.Error / worst.Limit)} of the limit: {worst.Name}.");
        var report = new CaseReport("verify", results, Stopwatch.GetElapsedTime(start).TotalSeconds);
        JsonFile.Write(json, report);
        return report.Conclude(invocation.Terminal);
    }

    private static List<CaseResult> Run(Invocation invocation, GoldenVerifier verifier, List<GoldenCase> cases)
    {
        var results = new List<CaseResult>();
        invocation.Terminal.Progress("verify", cases.Count, step =>
        {
            foreach (GoldenCase golden in cases)
            {
                invocation.Cancellation.ThrowIfCancellationRequested();
                results.Add(verifier.Verify(golden));
                step(golden.Name);
            }
        });
        return results;
    }

    private static void Write(Terminal terminal, List<GoldenCase> cases, List<CaseResult> results, bool verbose)
    {
        if (verbose)
        {
            terminal.Table(
                ["case", "#error", "#limit", "verdict", "why"],
                results.Select(static r
                    => (IReadOnlyList<string>)[r.Name, Format.Error(r.Error), Format.Error(r.Limit), r.Status.ToString(), r.Message ?? string.Empty]));
        }

        var families = cases.Zip(results).GroupBy(static c => c.First.Family, static c => c.Second);
        terminal.Table(
            ["family", "#passed", "#failed", "#unsupported", "#by design", "#of limit"],
            families.Select(static f => (IReadOnlyList<string>)
            [
                f.Key, Count(f, CaseStatus.Passed), Count(f, CaseStatus.Failed), Count(f, CaseStatus.Unsupported), Count(f, CaseStatus.DiffersByDesign),
                Format.Share(f.Where(static c => c.Status == CaseStatus.Passed).Max(static c => c.Error / c.Limit)),
            ]));
    }

    private static string Count(IEnumerable<CaseResult> cases, CaseStatus status) => Format.Count(cases.Count(c => c.Status == status));
}
