using System.Diagnostics;
using GpuTransformer.Cli.Reporting;
using GpuTransformer.Host;
using GpuTransformer.Modules;
using GpuTransformer.Validation;

namespace GpuTransformer.Cli.Verification;

/// <summary>
/// Runs the cases of a folder on a device and judges them. A case that cannot be read or run is a failed case, and the others still have their verdict.
/// </summary>
internal sealed class GoldenVerifier(GoldenManifest manifest, ComputeDevice device, bool gradients = false)
{
    /// <summary>Runs one case.</summary>
    public CaseResult Verify(GoldenCase golden)
    {
        long start = Stopwatch.GetTimestamp();
        CaseResult result;
        try
        {
            result = Judge(golden);
        }
        catch (UnsupportedOptionException exception)
        {
            result = new CaseResult(golden.Name, device.Id, CaseStatus.Unsupported, null, null, exception.Message, 0);
        }
        catch (Exception exception) when (exception is not OperationCanceledException)
        {
            result = new CaseResult(golden.Name, device.Id, CaseStatus.Failed, null, null, $"{exception.GetType().Name}: {exception.Message}", 0);
        }

        return result with { Seconds = Stopwatch.GetElapsedTime(start).TotalSeconds };
    }

    private CaseResult Judge(GoldenCase golden)
    {
        string path = Path.Combine(manifest.Folder.FullName, golden.File);
        CheckHash(golden, path);
        using SafetensorsReader file = SafetensorsReader.Open(path);
        IReadOnlyList<GoldenOutput> outputs = Run(golden, file);
        List<Comparison> comparisons = [.. outputs.Select(static o => o.Compare())];
        CaseResult result = CaseResult.From(golden.Name, device.Id, comparisons, 0);
        if (result.Status == CaseStatus.Passed)
            return result;

        if (DesignDifferences.Undone(golden) is { } undone)
        {
            bool passes = Run(undone.Case, file).All(static o => o.Compare().Passed);
            return passes ? result with { Status = CaseStatus.DiffersByDesign, Message = undone.Why } : result;
        }

        // Where an output differs on purpose its gradients follow; where it agrees they have no excuse.
        List<string?> reasons =
        [
            .. outputs.Zip(comparisons).Where(static o => !o.Second.Passed && !o.First.IsGradient).Select(
                o => DesignDifferences.Explain(golden, file, o.First, o.Second.Limit)),
        ];
        return reasons.Count == 0 || reasons.Contains(null)
            ? result
            : result with { Status = CaseStatus.DiffersByDesign, Message = string.Join("; ", reasons) };
    }

    private IReadOnlyList<GoldenOutput> Run(GoldenCase golden, SafetensorsReader file) => golden.Class switch
    {
        SdpaGolden.ClassName => SdpaGolden.Run(golden, file, device, gradients),
        TableGolden.ClassName => TableGolden.Run(golden, file, device, gradients),
        _ => ModuleGolden.Run(golden, file, device, gradients),
    };

    private static void CheckHash(GoldenCase golden, string path)
    {
        if (golden.Sha256 is not { } expected)
            return;
        if (!File.Exists(path))
            throw new CheckpointException($"The folder has no file '{golden.File}'.");
        using FileStream stream = File.OpenRead(path);
        string actual = Sha256.HashHex(stream);
        if (actual != expected)
            throw new CheckpointException($"'{golden.File}' is damaged: its SHA-256 is {actual}, the manifest says {expected}.");
    }
}
