using System.CommandLine;
using GpuTransformer.Cli.Reporting;
using GpuTransformer.Host;
using GpuTransformer.Modules;

namespace GpuTransformer.Cli.Commands;

/// <summary>
/// <c>inspect</c>: what a model consists of, and the two costs of cross-attention to a context of another width: parameters and activation memory.
/// </summary>
internal static class InspectCommand
{
    public static Command Create()
    {
        Option<FileInfo> config = SharedOptions.Existing(
            "--config", "the model: {\"class\": \"Encoder\", \"kwargs\": {\"dim\": 256, …}} with x-transformers' names", required: true);
        Option<FileInfo> checkpoint = SharedOptions.Existing("--checkpoint", "check that this safetensors file fits the model", required: false);
        Option<string?> prefix = ModelFiles.Prefix();
        Option<int> batch = SharedOptions.Size("--batch", "sequences", 1), length = SharedOptions.Size("--length", "positions of a sequence", 64);
        Option<int> contextLength = SharedOptions.Size("--context-length", "positions of its context", 128);
        Option<string?> device = SharedOptions.Device();
        Option<DType> dtype = SharedOptions.Precision();
        Option<FileInfo?> json = SharedOptions.Json();
        var command = new Command(
            "inspect", "Count a model's parameters and estimate its memory.") { config, checkpoint, prefix, batch, length, contextLength, device, dtype, json };
        return command.Runs(invocation =>
        {
            using ComputeDevice opened = ComputeDevice.Create(invocation.Get(device));
            DType stored = invocation.Require(dtype);
            using Module model = ModelFiles.Create(invocation.Require(config), opened, stored);
            if (invocation.Get(checkpoint) is { } file)
                ModelFiles.Load(model, file, invocation.Get(prefix));
            WriteParameters(invocation.Terminal, model, invocation.Get(checkpoint));
            ActivationReport? activations = model is AttentionLayers stack
                ? WriteActivations(
                    invocation.Terminal, stack, opened, (invocation.Require(batch), invocation.Require(length), invocation.Require(contextLength)), stored)
                : null;
            JsonFile.Write(invocation.Get(json), new
            {
                @class = model.GetType().Name,
                tensors = model.NamedParameters().Count(),
                parameters = model.ParameterCount,
                parameter_bytes = model.ParameterCount * stored.SizeInBytes(),
                rectangular_parameters = model is AttentionLayers layers ? ModelFacts.RectangularParameters(layers.Options) : 0,
                parts = ModelFacts.Parameters(model),
                attentions = ModelFacts.Attentions(model),
                activations,
            });
            return ExitCode.Pass;
        });
    }

    private static void WriteParameters(Terminal terminal, Module model, FileInfo? checkpoint)
    {
        terminal.Table(
            ["part", "what", "#tensors", "#parameters"],
            ModelFacts.Parameters(model).Select(static p => (IReadOnlyList<string>)[p.Path, p.Kind, Format.Count(p.Tensors), Format.Count(p.Parameters)]));
        long bytes = model.ParameterCount * model.DType.SizeInBytes();
        terminal.Line(
            $"{model.GetType().Name}: {Format.Count(model.NamedParameters().Count())} tensors, {Format.Count(model.ParameterCount)} parameters, "
            + $"{Format.Bytes(bytes)} as {model.DType}");
        WriteAttentions(terminal, ModelFacts.Attentions(model));
        if (checkpoint is not null)
            terminal.Line($"{checkpoint.FullName} fits: every name and shape.");
    }

    private static void WriteAttentions(Terminal terminal, IReadOnlyList<AttentionFacts> attentions)
    {
        if (attentions.Count == 0)
            return;
        AttentionFacts[] others = [.. attentions.Where(static a => !a.IsFused)];
        terminal.Line(others.Length == 0
            ? "Attention is fused: no scores are ever in memory."
            : $"{others.Length} of {attentions.Count} attentions have their scores in memory, [batch, heads, queries, keys] of them, for "
                + $"{string.Join(", ", others.SelectMany(static a => a.NeedScores).Distinct())}.");
    }

    private static ActivationReport WriteActivations(
        Terminal terminal, AttentionLayers stack, ComputeDevice device, (int Batch, int Length, int ContextLength) input, DType dtype)
    {
        AttentionLayersOptions options = stack.Options;
        int contextLength = options.CrossAttend ? input.ContextLength : 0;
        if (options.CrossAttend)
        {
            long added = ModelFacts.RectangularParameters(options);
            int contextWidth = options.ContextDim;
            terminal.Line(
                $"Key and value weights for a context of width {contextWidth} in a model of width {options.Dim}: "
                + $"{Format.Count(added)} parameters more than square ones ({Format.Share((double)added / stack.ParameterCount)} of the model).");
        }

        ActivationMemory memory = ActivationMemory.Estimate(options, input.Batch, input.Length, contextLength, dtype);
        int largest = ActivationMemory.LargestBatch(options, stack.ParameterCount, input.Length, contextLength, device.Description.MemoryBytes, dtype);
        string context = options.CrossAttend ? $", context [{input.Batch}, {contextLength}]" : string.Empty;
        terminal.Line(
            $"Input [{input.Batch}, {input.Length}]{context}: {Format.Bytes(memory.Inputs)} of inputs, {Format.Bytes(memory.Inference)} of activations at "
            + $"most at a time, {Format.Bytes(memory.Training)} kept for a backward pass");
        terminal.Line(
            $"Largest batch of this length that fits {device} ({Format.Bytes(device.Description.MemoryBytes)}) without gradients: {Format.Count(largest)}");
        return new ActivationReport(
            input.Batch, input.Length, contextLength, memory.Inputs, memory.Inference, memory.Training, device.Id, device.Description.MemoryBytes, largest);
    }

    /// <summary>The memory part of the report; all sizes in bytes.</summary>
    private sealed record ActivationReport(
        int Batch, int Length, int ContextLength, long Inputs, long Inference, long Training, string Device, long DeviceBytes, int LargestBatch);
}
