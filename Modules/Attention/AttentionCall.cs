using System.Runtime.CompilerServices;
using GpuTransformer.Host;

namespace GpuTransformer.Modules;

/// <summary>The arguments of a lone attention, checked and brought to the shapes that the operator takes.</summary>
internal static class AttentionCall
{
    /// <summary>The options with dropout on the probabilities as the open training step draws it; in evaluation, as they are.</summary>
    public static ScoreOptions WithDropout(this ScoreOptions options, float probability, ComputeDevice device)
    {
        if (probability == 0f || device.Training is not { } training)
            return options;
        (ulong seed, ulong stream) = training.NextStream();
        return options with { Dropout = probability, DropoutSeed = seed, DropoutStream = stream };
    }

    public static BranchInputs Check(Attention attention, Tensor x, AttentionInputs inputs)
    {
        AttentionOptions options = attention.Options;
        ForwardChecks.Sequence(attention, x, options.InputDim);
        (int batch, int queries) = (x.Shape[0], x.Shape[1]);
        if (inputs.Context is { } context)
            ForwardChecks.Context(attention, context, x, options.SourceDim);
        else if (options.SourceDim != options.InputDim)
        {
            throw ForwardChecks.Wrong(
                "context", $"'context' is missing: keys and values are projected from width {options.SourceDim}, but 'x' is {options.InputDim} wide.");
        }

        int own = inputs.Context?.Shape[1] ?? queries, memories = inputs.Mem?.Shape.Rank == 3 ? inputs.Mem.Shape[1] : 0, keys = memories + own;
        ForwardChecks.Mask(attention, inputs.Mask, batch, queries, "position of 'x'", "mask");
        ForwardChecks.Mask(attention, inputs.ContextMask, batch, own, "key", "contextMask");
        CheckMemory(attention, inputs, batch, options.SourceDim);
        CheckWholeSequence(options, own, queries);
        Shape pairs = [batch, options.QueryHeads, queries, keys];
        Tensor? keyMask = inputs.ContextMask ?? (inputs.Context is null ? inputs.Mask : null);
        return new BranchInputs
        {
            Source = inputs.Context,
            QueryMask = inputs.Mask,
            Memory = inputs.Mem,
            PreviousScores = ForwardChecks.Bias(attention, inputs.PrevAttn, pairs, "prevAttn"),
            ValueResidual = Sized(attention, inputs.ValueResidual, [batch, keys, options.ValueWidth], "valueResidual"),
            Deltas = CheckDeltas(attention, inputs.Deltas, batch, queries, keys),
            Scores = new ScoreOptions
            {
                Heads = options.QueryHeads,
                KeyMask = SequenceMasks.Join(attention.Device, batch, (inputs.MemMask, memories), (keyMask, own)),
                Mask = ForwardChecks.Pairs(attention, inputs.AttnMask, pairs, "attnMask"),
                Bias = ForwardChecks.Bias(attention, inputs.AttnBias, pairs, "attnBias"),
            },
        };
    }

    private static void CheckMemory(Attention attention, AttentionInputs inputs, int batch, int dim)
    {
        if (inputs.Mem is { } memory)
        {
            ForwardChecks.Sequence(attention, memory, dim, "mem");
            if (memory.Shape[0] != batch)
                throw ForwardChecks.Wrong("mem", $"'mem' has shape {memory.Shape}, but beside 'x' it needs [{batch}, memories, {dim}].");
            ForwardChecks.Mask(attention, inputs.MemMask, batch, memory.Shape[1], "memory", "memMask");
        }
        else if (inputs.MemMask is not null)
        {
            throw ForwardChecks.Wrong("memMask", "'memMask' was passed, but there is no 'mem' to mask.");
        }
    }

    // Options whose numbers belong to one sequence that queries and keys share.
    private static void CheckWholeSequence(AttentionOptions options, int keys, int queries)
    {
        string? option = options.OrthogProjectedValues || options.OrthogProjectedValuesPerHead ? nameof(options.OrthogProjectedValues)
            : options.DataDependentAlibi ? nameof(options.DataDependentAlibi) : null;
        if (option is not null && keys != queries)
        {
            throw ForwardChecks.Wrong(
                "context", $"{option} is for self-attention: there are {queries} queries and {keys} keys, and they must be the same positions.");
        }
    }

    private static AttentionDeltas? CheckDeltas(Attention attention, AttentionDeltas? deltas, int batch, int queries, int keys)
    {
        AttentionOptions options = attention.Options;
        int projected = options.KeyWidth - (options.LatentRopeSubheads ?? 0) * options.DimHead;
        return deltas is null ? null : new AttentionDeltas
        {
            Query = Sized(attention, deltas.Query, [batch, queries, options.QueryWidth]),
            Key = Sized(attention, deltas.Key, [batch, keys, projected]),
            Value = Sized(attention, deltas.Value, [batch, keys, options.ValueWidth]),
            Output = Sized(attention, deltas.Output, [batch, queries, options.MergedWidth]),
            Weights = ForwardChecks.Bias(attention, deltas.Weights, [batch, options.QueryHeads, queries, keys], "deltas.Weights"),
        };
    }

    private static Tensor? Sized(Attention attention, Tensor? tensor, Shape shape, [CallerArgumentExpression(nameof(tensor))] string name = "")
    {
        if (tensor is null)
            return null;
        ForwardChecks.Input(attention, tensor, shape[^1], name);
        return tensor.Shape == shape ? tensor : throw ForwardChecks.Wrong(name, $"'{name}' has shape {tensor.Shape}, but it needs {shape}.");
    }
}
