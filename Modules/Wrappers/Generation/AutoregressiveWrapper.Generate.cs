using System.Runtime.CompilerServices;
using GpuTransformer.Host;

namespace GpuTransformer.Modules;

/// <content>Writing tokens one after the other.</content>
public sealed partial class AutoregressiveWrapper
{
    /// <summary>Writes tokens one after the other, each chosen from the logits of what is there so far.</summary>
    /// <param name="prompts">Int32 or Int64 [batch, promptLength], at least one token long; of a batch of none, the result is none.</param>
    /// <param name="length">How many tokens to write; of none, the result is empty.</param>
    /// <param name="options">How they are chosen; null for x-transformers' defaults.</param>
    /// <param name="promptLens">Integers [batch]: how long each right-padded prompt is; null where all are as long as the tensor.</param>
    /// <returns>Int32 [batch · NumSamples, length]: the written tokens without the prompts.</returns>
    /// <exception cref="ArgumentException">A shape, data type, device or id does not fit, or prompt and tokens exceed MaxSeqLen.</exception>
    /// <remarks>Keys and values are kept, so that each token costs one position; a model that cannot keep them is run anew for each token.</remarks>
    public Tensor Generate(Tensor prompts, int length, GenerationOptions? options = null, Tensor? promptLens = null)
        => Generate(new TokenInputs(prompts), length, options, promptLens);

    /// <summary>Writes tokens one after the other, each chosen from the logits of what is there so far.</summary>
    /// <param name="prompts">
    /// The prompts and what goes with them: the context and its mask, SeqStartPos for left-padded prompts, PrependEmbeds and its mask, RecycleSteps and
    /// LoopedSteps; nothing else.
    /// </param>
    /// <param name="length">How many tokens to write; of none, the result is empty.</param>
    /// <param name="options">How they are chosen; null for x-transformers' defaults.</param>
    /// <param name="promptLens">Integers [batch]: how long each right-padded prompt is; null where all are as long as the tensor.</param>
    /// <returns>Int32 [batch · NumSamples, length]: the written tokens without the prompts.</returns>
    /// <exception cref="ArgumentException">As for the other overload.</exception>
    public Tensor Generate(TokenInputs prompts, int length, GenerationOptions? options = null, Tensor? promptLens = null)
    {
        options ??= new GenerationOptions();
        prompts = Prompts(prompts, length, options, promptLens);
        int rows = checked(prompts.Batch * options.NumSamples);
        var written = new int[rows * length];
        if (written.Length == 0)
            return Tensor.From(Device, [rows, length], written);
        Array.Fill(written, Options.PadValue);
        using StepScope scope = Device.BeginStep();
        using var session = new DecodingSession(Net, prompts, prompts.Length + length, options);
        int position = 0;
        foreach (int[] tokens in Write(session, length, options, static s => s.Logits()))
        {
            for (int b = 0; b < rows; b++)
                written[b * length + position] = tokens[b];
            position++;
        }

        return scope.Keep(Tensor.From(Device, [rows, length], written));
    }

    /// <summary>Writes the tokens of one sequence as they come. It ends behind an end token, which is the last.</summary>
    /// <param name="prompt">One prompt [1, promptLength] and what goes with it.</param>
    /// <param name="length">How many tokens to write at most.</param>
    /// <param name="options">How they are chosen; null for x-transformers' defaults. One sample.</param>
    /// <param name="cancellationToken">Ends the writing between two tokens.</param>
    /// <returns>The tokens.</returns>
    /// <exception cref="ArgumentException">As for Generate; or there is more than one sequence.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public async IAsyncEnumerable<int> Stream(
        TokenInputs prompt, int length, GenerationOptions? options = null, [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        options ??= new GenerationOptions();
        prompt = Prompts(prompt, length, options, null);
        if (prompt.Batch != 1 || options.NumSamples != 1)
            throw ForwardChecks.Wrong(
                nameof(prompt),
                $"'prompt' has shape {prompt.Ids.Shape} and NumSamples = {options.NumSamples}, but one sequence is streamed: [1, promptLength].");
        if (length == 0)
            yield break;
        using var session = new DecodingSession(Net, prompt, prompt.Length + length, options);
        foreach (int[] tokens in Write(session, length, options, static s => s.Logits()))
        {
            cancellationToken.ThrowIfCancellationRequested();
            yield return tokens[0];
            if (options.Ends(tokens[0]))
                yield break;

            // The caller's thread has other things to do too.
            await Task.Yield();
        }
    }

    // One token for each sequence at a time, until all are over; what is over goes on with padding.
    private IEnumerable<int[]> Write(DecodingSession session, int length, GenerationOptions options, Func<DecodingSession, float[]> next)
    {
        var sampler = new TokenSampler(options);
        int samples = options.NumSamples;
        int[] origins = [.. Enumerable.Range(0, session.Batch * samples).Select(i => i / samples)];
        var isOver = new bool[origins.Length];
        for (int position = 0; position < length && isOver.Contains(false); position++)
        {
            float[] logits = next(session);
            int width = logits.Length / session.Batch;
            if (position == 0 && samples > 1)
            {
                // The prompt has been read once; from here on the samples go their own ways.
                float[] first = logits;
                logits = [.. origins.SelectMany(row => first.AsSpan(row * width, width).ToArray())];
                session.Select(origins);
            }

            var tokens = new int[isOver.Length];
            for (int b = 0; b < tokens.Length; b++)
            {
                tokens[b] = isOver[b] ? Options.PadValue : sampler.Choose(logits.AsSpan(b * width, width), session.Tokens(b));
                isOver[b] |= options.Ends(tokens[b]);
            }

            session.Append(tokens);
            yield return tokens;
        }
    }

    // Checked, and where they are not equally long moved to the right, so that they go on together.
    private TokenInputs Prompts(TokenInputs prompts, int length, GenerationOptions options, Tensor? promptLens)
    {
        ArgumentNullException.ThrowIfNull(prompts);
        CheckGeneration(prompts, length, options, promptLens);
        if (promptLens is null)
            return prompts;
        long[] ids = prompts.Ids.ToInt64Array();
        Tensor starts = AlignRight(ids, promptLens.ToInt64Array(), prompts.Length);
        return prompts with { Ids = Tensor.From(Device, prompts.Ids.Shape, ids), SeqStartPos = starts };
    }

    // Returns where each starts.
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
}
