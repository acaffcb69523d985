using System.CommandLine;
using System.Diagnostics;
using GpuTransformer.Cli.Reporting;
using GpuTransformer.Cli.Verification;
using GpuTransformer.Host;
using GpuTransformer.Modules;
using GpuTransformer.Validation;

namespace GpuTransformer.Cli.Commands;

/// <summary><c>run</c>: a model on one input, safetensors in, safetensors out.</summary>
internal static class RunCommand
{
    public static Command Create()
    {
        Option<FileInfo> config = SharedOptions.Existing(
            "--config", "the model: {\"class\": \"Encoder\", \"kwargs\": {\"dim\": 256, …}} with x-transformers' names", required: true);
        Option<FileInfo> checkpoint = SharedOptions.Existing("--checkpoint", "its parameters, safetensors", required: true);
        Option<string?> prefix = ModelFiles.Prefix();
        Option<FileInfo> input = SharedOptions.Existing(
            "--input", "safetensors with x and, as the model needs, context, mask, context_mask, …", required: true);
        Option<FileInfo?> output = SharedOptions.OutputFile("--output", "safetensors to write, with the tensor output");
        output.Required = true;
        Option<FileInfo> expected = SharedOptions.Existing(
            "--expected", "safetensors with output, and output_f64 if there is one: print the error against it", required: false);
        Option<string?> device = SharedOptions.Device();
        var command = new Command("run", "Run a model from x-transformers on one input.") { config, checkpoint, prefix, input, output, expected, device };
        return command.Runs(invocation =>
        {
            using ComputeDevice opened = ComputeDevice.Create(invocation.Get(device));
            using Module model = ModelFiles.Create(invocation.Require(config), opened);
            ModelFiles.Load(model, invocation.Require(checkpoint), invocation.Get(prefix));
            Tensor result = Forward(invocation, opened, model, invocation.Require(input));
            SafetensorsWriter.Write(invocation.Get(output)!.FullName, [("output", result)]);
            invocation.Terminal.Line($"output {result.Shape} written to {invocation.Get(output)!.FullName}");
            return invocation.Get(expected) is { } file ? Compare(invocation.Terminal, result, file) : ExitCode.Pass;
        });
    }

    private static Tensor Forward(Invocation invocation, ComputeDevice device, Module model, FileInfo input)
    {
        using SafetensorsReader reader = SafetensorsReader.Open(input.FullName);
        using StepScope step = device.BeginStep();
        var inputs = ModelFiles.ReadInputs(reader, device);
        long start = Stopwatch.GetTimestamp();
        Tensor output = step.Keep(model.Invoke(new CallArguments(inputs)));
        device.Synchronize();
        invocation.Terminal.Line($"{model.GetType().Name} with {Format.Count(model.ParameterCount)} parameters on {device}");
        invocation.Terminal.Line(
            $"{string.Join(", ", inputs.Select(static i => $"{i.Key} {i.Value.Shape}"))}: "
            + $"{Format.Number(Stopwatch.GetElapsedTime(start).TotalMilliseconds)} ms, compilation included");
        return output;
    }

    private static ExitCode Compare(Terminal terminal, Tensor result, FileInfo expected)
    {
        using SafetensorsReader reader = SafetensorsReader.Open(expected.FullName);
        Comparison comparison = ModuleGolden.Against(reader, string.Empty, result).Compare();
        terminal.Line(
            $"largest error against x-transformers {Format.Error(comparison.Error)}, limit {Format.Error(comparison.Limit)}: "
            + $"{(comparison.Passed ? "passed" : "FAILED")}");
        return comparison.Passed ? ExitCode.Pass : ExitCode.Mismatch;
    }
}
