using System.CommandLine;
using System.Diagnostics;
using GpuTransformer.Cli.Reporting;
using GpuTransformer.Host;
using GpuTransformer.Modules;
using GpuTransformer.Validation;

namespace GpuTransformer.Cli.Commands;

/// <summary>
/// <c>demo</c>, the first thing to run: is every kernel right on this machine's best device, and does a real x-transformers checkpoint give x-transformers'
/// numbers?
/// </summary>
internal static class DemoCommand
{
    private const string Folder = "Tests/Goldens", Example = "seed_example_bf16.safetensors";
    private const int Repeats = 10;

    public static Command Create()
    {
        Option<string?> device = SharedOptions.Device();
        var checkpoint =
            new Option<FileInfo?>("--checkpoint") { Description = $"the seed example; {Folder}/{Example} of the repository when left out", HelpName = "FILE" };
        var command = new Command(
            "demo",
            "Validate the device, then run the seed model on the checkpoint of the repository and compare it with x-transformers.") { device, checkpoint };
        return command.Runs(invocation =>
        {
            FileInfo example = invocation.Get(checkpoint) ?? FindExample();
            ExitCode kernels = ValidateKernels(invocation, invocation.Get(device));
            ExitCode model = RunSeedModel(invocation, invocation.Get(device), example);
            return kernels == ExitCode.Pass ? model : kernels;
        });
    }

    private static ExitCode ValidateKernels(Invocation invocation, string? device)
    {
        using var devices = new ValidationDevices(device);
        invocation.Terminal.Line($"1. Every kernel against its float64 oracle on {string.Join(" and ", devices.All)}");
        long start = Stopwatch.GetTimestamp();
        var sweep = new ValidationSweep(devices, SharedOptions.SelectVariants("*"), seed: 1, static c => c.Size != ValidationSize.Full);
        IReadOnlyList<CaseResult> results = sweep.Run(invocation.Terminal, verbose: false, invocation.Cancellation);
        return new CaseReport("validate", results, Stopwatch.GetElapsedTime(start).TotalSeconds).Conclude(invocation.Terminal);
    }

    private static ExitCode RunSeedModel(Invocation invocation, string? id, FileInfo example)
    {
        using ComputeDevice device = ComputeDevice.Create(id);
        using var model = new Encoder(
            new AttentionLayersOptions { Dim = 256, Depth = 4, Heads = 4, AlibiPosBias = true, CrossAttend = true, CrossAttn = new() { DimContext = 512 } },
            device);
        using SafetensorsReader file = SafetensorsReader.Open(example.FullName);
        model.LoadStateDict(file, "param.");
        using StepScope inputs = device.BeginStep();
        Tensor x = file.ReadTensor("input.x", device), context = file.ReadTensor("input.context", device);
        Tensor mask = file.ReadTensor("input.mask", device), contextMask = file.ReadTensor("input.context_mask", device);

        Terminal terminal = invocation.Terminal;
        terminal.Line();
        terminal.Line($"2. The seed model, {Path.GetRelativePath(Directory.GetCurrentDirectory(), example.FullName)}, on {device}");
        terminal.Line(
            "Encoder: width 256, 4 layers, 4 heads, ALiBi, cross-attending a context of width 512; "
            + $"{Format.Count(model.NamedParameters().Count())} tensors, {Format.Count(model.ParameterCount)} parameters.");
        terminal.Line($"Input {x.Shape}, context {context.Shape}, both with a padding mask.");
        Tensor output = model.Forward(x, context, mask, contextMask);
        double[] exact = file.ReadDoubles("output_f64"), torch = file.ReadDoubles("output");
        Comparison comparison = NumericalRule.Compare("output", output.ToArray(), exact, torch, DType.Float32, isGradient: false);
        double torchError = torch.Zip(exact).Max(static pair => Math.Abs(pair.First - pair.Second));
        (double milliseconds, long launches, long allocations) = Measure(device, () => model.Forward(x, context, mask, contextMask));
        terminal.Line(
            $"Largest error against x-transformers in float64: {Format.Error(comparison.Error)} ({(comparison.Passed ? "passed" : "FAILED")}: "
            + $"the limit is {Format.Error(comparison.Limit)}, PyTorch's own float32 is off by {Format.Error(torchError)}).");
        terminal.Line($"Forward: {Format.Number(milliseconds)} ms (best of {Repeats}), {launches} kernels launched, {allocations} device allocations.");
        return comparison.Passed ? ExitCode.Pass : ExitCode.Mismatch;
    }

    private static (double Milliseconds, long Launches, long Allocations) Measure(ComputeDevice device, Func<Tensor> forward)
    {
        using (device.BeginStep())
            forward();
        long launches = device.Statistics.Launches, allocations = device.Statistics.Allocations;
        double best = double.PositiveInfinity;
        for (int i = 0; i < Repeats; i++)
        {
            device.Synchronize();
            long start = Stopwatch.GetTimestamp();
            using StepScope step = device.BeginStep();
            forward();
            device.Synchronize();
            best = Math.Min(best, Stopwatch.GetElapsedTime(start).TotalMilliseconds);
        }

        return (best, (device.Statistics.Launches - launches) / Repeats, device.Statistics.Allocations - allocations);
    }

    /// <summary>The example in the repository that the current folder or the program is in.</summary>
    private static FileInfo FindExample()
    {
        foreach (string start in new[] { Directory.GetCurrentDirectory(), AppContext.BaseDirectory })
        {
            for (DirectoryInfo? folder = new(start); folder is not null; folder = folder.Parent)
            {
                var file = new FileInfo(Path.Combine(folder.FullName, Folder, Example));
                if (file.Exists)
                    return file;
            }
        }

        throw new UsageException($"There is no {Folder}/{Example} here: run this inside a clone of the repository, or name the file with --checkpoint.");
    }
}
