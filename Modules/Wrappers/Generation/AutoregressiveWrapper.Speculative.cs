using GpuTransformer.Host;

namespace GpuTransformer.Modules;

/// <summary>What speculative decoding wrote, and how well the draft guessed.</summary>
/// <param name="Tokens">Int32 [1, length]: the written tokens without the prompt; padded behind an end token.</param>
/// <param name="Proposed">How many tokens the draft proposed.</param>
/// <param name="Accepted">How many of them the model took.</param>
/// <param name="Calls">How often the model ran: without a draft it runs once for each token.</param>
public sealed record SpeculativeResult(Tensor Tokens, int Proposed, int Accepted, int Calls);

/// <content>Speculative decoding.</content>
public sealed partial class AutoregressiveWrapper
{
    /// <summary>
    /// Writes one sequence with the help of a small model: it proposes some tokens, and this model reads them all in one pass and takes those that it could
    /// have drawn itself. Tokens are distributed as without the draft: a proposal is taken with probability min(1, p / q), p and q being the two models'
    /// probabilities, and in place of the first that is not, a token is drawn from max(p − q, 0). With temperature 0 the tokens are the same.
    /// </summary>
    /// <param name="prompt">One prompt [1, promptLength] and what goes with it, as for Generate; the draft is given the same.</param>
    /// <param name="length">How many tokens to write; of none, the result is empty.</param>
    /// <param name="draft">The small model, of the same tokens.</param>
    /// <param name="ahead">How many tokens it proposes at a time, at least 1.</param>
    /// <param name="options">How tokens are chosen; null for x-transformers' defaults. One sample.</param>
    /// <exception cref="ArgumentException">As for Generate; there is more than one sequence, or the draft does not fit.</exception>
    /// <remarks>Leviathan, Kalman, Matias 2022; Chen et al. 2023.</remarks>
    public SpeculativeResult GenerateSpeculative(TokenInputs prompt, int length, TransformerWrapper draft, int ahead = 4, GenerationOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(draft);
        options ??= new GenerationOptions();
        prompt = Prompts(prompt, length, options, null);
        Check([new AmateurModel(draft)]);
        OptionChecks.Positive(ahead, nameof(ahead));
        if (prompt.Batch != 1 || options.NumSamples != 1)
            throw ForwardChecks.Wrong(
                nameof(prompt),
                $"'prompt' has shape {prompt.Ids.Shape} and NumSamples = {options.NumSamples}, but a draft helps one sequence: [1, promptLength].");
        using StepScope scope = Device.BeginStep();
        int capacity = prompt.Length + length + ahead;
        using DecodingSession writer = new(Net, prompt, capacity, options), proposer = new(draft, prompt, capacity, options);
        var sampler = new TokenSampler(options);
        int proposed = 0, accepted = 0, calls = 0, end = prompt.Length + length;
        bool isOver = false;
        while (writer.Length < end && !isOver)
        {
            int before = writer.Length, count = Math.Min(ahead, end - before - 1);
            List<double[]> guesses = Propose(proposer, sampler, count);
            foreach (int guess in proposer.Tokens(0)[^count..].ToArray())
                writer.Append([guess]);
            float[] logits = writer.Logits(count + 1);
            calls++;
            proposed += count;
            int taken = 0, next = -1, width = logits.Length / (count + 1);
            for (; taken <= count && next < 0; taken++)
            {
                ReadOnlySpan<int> known = writer.Tokens(0)[..^(count - taken)];
                double[] probabilities = sampler.Distribution(logits.AsSpan(taken * width, width), known);
                if (taken == count)
                {
                    next = sampler.Draw(probabilities);
                    break;
                }

                int guess = writer.Tokens(0)[^(count - taken)];
                if (sampler.Next() * guesses[taken][guess] >= probabilities[guess])
                {
                    next = sampler.Draw([.. probabilities.Zip(guesses[taken]).Select(static pair => Math.Max(pair.First - pair.Second, 0))]);
                    break;
                }

                if (options.Ends(guess))
                {
                    (isOver, next) = (true, guess);
                    break;
                }
            }

            accepted += taken + (isOver ? 1 : 0);
            writer.Truncate(before + taken);
            proposer.Truncate(before + taken);
            writer.Append([next]);
            proposer.Append([next]);
            isOver |= options.Ends(next);
        }

        int[] written = [.. Written(writer, 0, length)];
        return new SpeculativeResult(scope.Keep(Tensor.From(Device, [1, length], written)), proposed, accepted, calls);
    }

    // The draft's tokens, and the probabilities that they were drawn with.
    private static List<double[]> Propose(DecodingSession proposer, TokenSampler sampler, int count)
    {
        var guesses = new List<double[]>();
        for (int i = 0; i < count; i++)
        {
            double[] probabilities = sampler.Distribution(proposer.Logits(), proposer.Tokens(0));
            guesses.Add(probabilities);
            proposer.Append([sampler.Draw(probabilities)]);
        }

        return guesses;
    }
}
