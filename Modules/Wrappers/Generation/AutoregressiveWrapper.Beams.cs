using GpuTransformer.Host;

namespace GpuTransformer.Modules;

/// <summary>What a beam search found: for each prompt its best sequences, the best first.</summary>
/// <param name="Tokens">Int32 [batch, beams, length]: the written tokens without the prompts.</param>
/// <param name="Scores">float32 [batch, beams]: the sum of the logarithms of the written tokens' probabilities.</param>
public sealed record BeamSearchResult(Tensor Tokens, Tensor Scores);

/// <content>Beam search.</content>
public sealed partial class AutoregressiveWrapper
{
    /// <summary>
    /// Writes the most likely sequences that it finds: of all continuations of the best <paramref name="beams"/> sequences the best go on, and a sequence that
    /// is over keeps its score.
    /// </summary>
    /// <param name="prompts">The prompts and what goes with them, as for Generate.</param>
    /// <param name="length">How many tokens to write, at least 1.</param>
    /// <param name="beams">How many sequences go on for each prompt: 1 to the number of tokens. With one it is greedy.</param>
    /// <param name="options">End tokens and how keys and values are kept; what is about drawing has no meaning here. Null for the defaults.</param>
    /// <param name="promptLens">Integers [batch]: how long each right-padded prompt is; null where all are as long as the tensor.</param>
    /// <exception cref="ArgumentException">As for Generate; or there are no beams, or more than tokens.</exception>
    public BeamSearchResult BeamSearch(TokenInputs prompts, int length, int beams, GenerationOptions? options = null, Tensor? promptLens = null)
    {
        options ??= new GenerationOptions();
        prompts = Prompts(prompts, length, options, promptLens);
        OptionChecks.Positive(length, nameof(length));
        int width = Net.Options.LogitsDim ?? Net.Options.NumTokens, batch = prompts.Batch, start = prompts.Length;
        if (beams < 1 || beams > width)
            throw ForwardChecks.Wrong(nameof(beams), $"'beams' is {beams}, but of {width} tokens 1 to {width} sequences can go on.");
        if (batch == 0)
            return new BeamSearchResult(Tensor.From(Device, [0, beams, length], Array.Empty<int>()), Tensor.Zeros(Device, [0, beams]));
        using StepScope scope = Device.BeginStep();
        using var session = new DecodingSession(Net, prompts, start + length, options);
        var scores = new double[batch * beams];
        var isOver = new bool[batch * beams];
        for (int position = 0; position < length && !Array.TrueForAll(isOver, static over => over); position++)
        {
            // At first there is one sequence for each prompt, of which the beams part.
            int now = position == 0 ? 1 : beams;
            float[] logits = session.Logits();
            var rows = new int[batch * beams];
            var tokens = new int[batch * beams];
            (double[] nextScores, bool[] nextOver) = (new double[batch * beams], new bool[batch * beams]);
            for (int b = 0; b < batch; b++)
            {
                int beam = 0;
                foreach ((double score, int row, int token) in Best(logits, width, b * now, now, beams, scores, isOver, now == beams))
                {
                    int target = b * beams + beam++;
                    bool wasOver = now == beams && isOver[row];
                    (rows[target], tokens[target], nextScores[target]) = (row, token, score);
                    nextOver[target] = wasOver || options.Ends(token);
                }
            }

            session.Select(rows);
            session.Append(tokens);
            (scores, isOver) = (nextScores, nextOver);
        }

        int[] written = [.. Enumerable.Range(0, batch * beams).SelectMany(row => Written(session, row, length))];
        return new BeamSearchResult(
            scope.Keep(Tensor.From(Device, [batch, beams, length], written)),
            scope.Keep(Tensor.From(Device, [batch, beams], Array.ConvertAll(scores, static s => (float)s))));
    }

    // The best continuations of a prompt's sequences; one that is over goes on with padding alone.
    private IEnumerable<(double Score, int Row, int Token)> Best(
        float[] logits, int width, int first, int count, int beams, double[] scores, bool[] isOver, bool goesOn)
    {
        var candidates = new List<(double Score, int Row, int Token)>();
        for (int row = first; row < first + count; row++)
        {
            double before = goesOn ? scores[row] : 0;
            if (goesOn && isOver[row])
            {
                candidates.Add((before, row, Options.PadValue));
                continue;
            }

            double[] probabilities = SamplingFilters.Probabilities(logits.AsSpan(row * width, width));
            IEnumerable<int> likely = Enumerable.Range(0, width).OrderByDescending(token => probabilities[token]).Take(beams);
            candidates.AddRange(likely.Select(token => (before + Math.Log(probabilities[token]), row, token)));
        }

        return candidates.OrderByDescending(static c => c.Score).Take(beams);
    }

    // What a session has behind its prompts, with padding where it ended early.
    private IEnumerable<int> Written(DecodingSession session, int row, int length)
    {
        int[] tokens = session.Tokens(row).ToArray();
        int count = session.Length - session.PromptLength;
        return tokens[^count..].Concat(Enumerable.Repeat(Options.PadValue, length - count));
    }
}
