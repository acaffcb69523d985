using GpuTransformer.Host;

namespace GpuTransformer.Modules;

public sealed partial class AutoregressiveWrapper
{
    /// <summary>Writes tokens one after the other, each chosen from the logits of what is there so far.</summary>
    /// <param name="prompts">Int32 or Int64 [batch, promptLength], at least one token long; of a batch of none, the result is none.</param>
    /// <param name="length">How many tokens to write, at least one.</param>
    /// <param name="options">How they are chosen; null for x-transformers' defaults.</param>
    /// <param name="promptLens">Integers [batch]: how long each right-padded prompt is; null where all are as long as the tensor.</param>
    /// <returns>Int32 [batch, length]: the written tokens without the prompts.</returns>
    /// <exception cref="ArgumentException">A shape, data type, device or id does not fit, or prompt and tokens exceed MaxSeqLen.</exception>
    /// <remarks>Each token costs a pass over the whole sequence: there is no cache of keys and values. Meant for samples and tests, not for serving.</remarks>
    public Tensor Generate(Tensor prompts, int length, GenerationOptions? options = null, Tensor? promptLens = null)
        => Generate(new TokenInputs(prompts), length, options, promptLens);

    /// <summary>Writes tokens one after the other, each chosen from the logits of what is there so far.</summary>
    /// <param name="prompts">
    /// The prompts and what goes with them: the context and its mask, SeqStartPos for left-padded prompts, RecycleSteps and LoopedSteps; nothing else.
    /// </param>
    /// <param name="length">How many tokens to write, at least one.</param>
    /// <param name="options">How they are chosen; null for x-transformers' defaults.</param>
    /// <param name="promptLens">Integers [batch]: how long each right-padded prompt is; null where all are as long as the tensor.</param>
    /// <returns>Int32 [batch, length]: the written tokens without the prompts.</returns>
    /// <exception cref="ArgumentException">As for the other overload.</exception>
    public Tensor Generate(TokenInputs prompts, int length, GenerationOptions? options = null, Tensor? promptLens = null)
    {
        ArgumentNullException.ThrowIfNull(prompts);
        options ??= new GenerationOptions();
        CheckGeneration(prompts, length, options, promptLens);
        (int batch, int promptLength) = (prompts.Batch, prompts.Length);
        if (batch == 0)
            return Tensor.From(Device, [0, length], Array.Empty<int>());
        long[] given = prompts.Ids.ToInt64Array();
        using StepScope scope = Device.BeginStep();
        using StepScope pause = Device.NoGradient();
        if (promptLens is not null)
            prompts = prompts with { SeqStartPos = AlignRight(given, promptLens.ToInt64Array(), promptLength) };
        long[]? starts = prompts.SeqStartPos?.ToInt64Array();
        int total = promptLength + length;
        var tokens = new int[batch * total];
        for (int i = 0; i < given.Length; i++)
            tokens[i / promptLength * total + i % promptLength] = checked((int)given[i]);
        var sampler = new TokenSampler(options);
        var isOver = new bool[batch];
        for (int position = promptLength; position < total; position++)
        {
            float[] logits = NextLogits(prompts, tokens, position);
            for (int b = 0; b < batch; b++)
            {
                int width = logits.Length / batch, start = (int)(starts?[b] ?? 0);
                ReadOnlySpan<int> before = tokens.AsSpan(b * total + start, position - start);
                int token = isOver[b] ? Options.PadValue : sampler.Choose(logits.AsSpan(b * width, width), before);
                isOver[b] |= token == options.EosToken;
                tokens[b * total + position] = token;
            }
        }

        return scope.Keep(Tensor.From(Device, [batch, length], Columns(tokens, batch, promptLength, total)));
    }

    private float[] NextLogits(TokenInputs prompts, int[] tokens, int position)
    {
        using StepScope scope = Device.BeginStep();
        int batch = prompts.Batch, total = tokens.Length / batch;
        return Net.LastLogits(prompts with { Ids = Tensor.From(Device, [batch, position], Columns(tokens, batch, 0, total, position)) }).ToArray();
    }

    // Positions from to end − 1 of each sequence.
    private static int[] Columns(int[] tokens, int batch, int from, int total, int? end = null)
    {
        int count = (end ?? total) - from;
        var columns = new int[batch * count];
        for (int b = 0; b < batch; b++)
            tokens.AsSpan(b * total + from, count).CopyTo(columns.AsSpan(b * count));
        return columns;
    }

    // Right-padded prompts end at different places; moved to the right they go on together. Returns where each starts.
    private Tensor AlignRight(long[] ids, long[] lens, int length)
    {
        var starts = new int[lens.Length];
        for (int b = 0; b < lens.Length; b++)
        {
            if (lens[b] < 1 || lens[b] > length)
                throw ForwardChecks.Wrong("promptLens", $"'promptLens' holds {lens[b]} at position {b}, but a prompt has 1 to {length} tokens here.");
            starts[b] = length - (int)lens[b];
            Span<long> row = ids.AsSpan(b * length, length);
            row[..(int)lens[b]].CopyTo(row[starts[b]..]);
            row[..starts[b]].Fill(Options.PadValue);
        }

        return Tensor.From(Device, [lens.Length], starts);
    }

    private void CheckGeneration(TokenInputs prompts, int length, GenerationOptions options, Tensor? promptLens)
    {
        prompts.Check(Net);
        options.Validate(Net.Options.NumTokens);
        OptionChecks.Positive(length, nameof(length));
        if (prompts.Length < 1)
            throw ForwardChecks.Wrong(
                "prompts", $"'prompts' has shape {prompts.Ids.Shape}, but the first token needs something to follow: give a start token.");
        var possible = new TokenInputs(prompts.Ids)
        {
            Context = prompts.Context,
            ContextMask = prompts.ContextMask,
            SeqStartPos = prompts.SeqStartPos,
            RecycleSteps = prompts.RecycleSteps,
            LoopedSteps = prompts.LoopedSteps,
        };
        if (prompts != possible)
            throw ForwardChecks.Wrong(
                "prompts",
                "Only Context, ContextMask, SeqStartPos, RecycleSteps and LoopedSteps can go with prompts: "
                + "whatever belongs to single tokens is not there for the written ones.");
        if (Net.Positions?.Count is { } count && prompts.Length + length - 1 > count)
            throw ForwardChecks.Wrong("length", $"{prompts.Length} tokens of prompt and {length} to write exceed the model's positions, MaxSeqLen = {count}.");
        if (promptLens is null)
            return;
        if (prompts.SeqStartPos is not null)
            throw ForwardChecks.Wrong("promptLens", "'promptLens' is for right-padded prompts, SeqStartPos for left-padded ones; give one of them.");
        SequenceMasks.CheckLens(this, promptLens, prompts.Batch);
    }
}
