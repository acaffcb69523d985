using GpuTransformer.Host;

namespace GpuTransformer.Modules;

/// <summary>How <see cref="AutoregressiveWrapper.Generate(TokenInputs, int, GenerationOptions?, Tensor?)"/> chooses the next token.</summary>
/// <remarks>
/// Several filters act one after the other: TopK, TopP, TopA, MinP. Where none is given, the most likely tenth of all tokens may be drawn, as in
/// x-transformers.
/// </remarks>
public sealed record GenerationOptions
{
    /// <summary>Logits are divided by it after the filters; finite, at least 0. 0 takes the most likely token.</summary>
    public float Temperature { get; init => field = (float)OptionChecks.NotNegativeNumber(value); } = 1;

    /// <summary>
    /// Only this many most likely tokens may be drawn, at least 1; null for <see cref="FracNumTokens"/> of all, or for all beside another filter.
    /// </summary>
    public int? TopK { get; init => field = value is { } k ? OptionChecks.AtLeastOne(k) : null; }

    /// <summary>Where no filter is given: this share of all tokens may be drawn, rounded up, the most likely ones; above 0, at most 1.</summary>
    public double FracNumTokens { get; init => field = OptionChecks.Share(value); } = 0.1;

    /// <summary>
    /// Only the most likely tokens may be drawn whose probabilities together just exceed this: nucleus sampling; above 0, at most 1. x-transformers' default is
    /// 0.9. Null for no such filter.
    /// </summary>
    public double? TopP { get; init => field = value is { } share ? OptionChecks.Share(share) : null; }

    /// <summary>
    /// Only tokens may be drawn that are at least TopA · p^<see cref="TopAPower"/> likely, p being the largest probability; above 0, at most 1. x-transformers'
    /// default is 0.02. Null for no such filter.
    /// </summary>
    public double? TopA { get; init => field = value is { } ratio ? OptionChecks.Share(ratio) : null; }

    /// <summary>The power of <see cref="TopA"/>; finite, at least 0.</summary>
    public double TopAPower { get; init => field = OptionChecks.NotNegativeNumber(value); } = 2;

    /// <summary>
    /// Only tokens may be drawn that are at least this times as likely as the most likely; above 0, at most 1. x-transformers' default is 0.1. Null for no such
    /// filter.
    /// </summary>
    public double? MinP { get; init => field = value is { } ratio ? OptionChecks.Share(ratio) : null; }

    /// <summary>
    /// Tokens of the prompt and of what was written become less likely: a logit above zero is divided by it, another is multiplied; a positive number, 1 for
    /// off. An option of this library.
    /// </summary>
    public float RepetitionPenalty { get; init => field = (float)OptionChecks.PositiveNumber(value); } = 1;

    /// <summary>
    /// A sequence is over when this token is written, and goes on with PadValue; null for none. A token of the prompt ends nothing: there is a prompt because
    /// more shall be written.
    /// </summary>
    public int? EosToken { get; init => field = value is { } token ? OptionChecks.Count(token) : null; }

    /// <summary>More tokens that end a sequence as <see cref="EosToken"/> does; null for none.</summary>
    public IReadOnlyList<int>? StopTokens { get; init; }

    /// <summary>How many sequences are written for each prompt, which is read once; at least 1. They stand one behind the other.</summary>
    public int NumSamples { get; init => field = OptionChecks.AtLeastOne(value); } = 1;

    /// <summary>Keep keys and values, so that each token costs one position and not all of them; a model that cannot is run anew for each token.</summary>
    public bool CacheKv { get; init; } = true;

    /// <summary>What keys and values are kept as; null for as the model computes.</summary>
    public DType? CacheDType { get; init; }

    /// <summary>For drawing: the same seed writes the same tokens.</summary>
    public int Seed { get; init; }

    internal void Validate(int tokens)
    {
        if (EosToken is { } eos && eos >= tokens)
            throw ForwardChecks.Wrong(nameof(EosToken), $"EosToken = {eos} is none of the tokens 0 to {tokens - 1}.");
        foreach (int stop in StopTokens ?? [])
        {
            if (stop < 0 || stop >= tokens)
                throw ForwardChecks.Wrong(nameof(StopTokens), $"StopTokens contains {stop}, which is none of the tokens 0 to {tokens - 1}.");
        }

        if (CacheDType is { } type && !type.IsFloatingPoint())
            throw ForwardChecks.Wrong(nameof(CacheDType), $"CacheDType = {type}, but keys and values are real numbers: Float32, Float16 or BFloat16.");
    }

    /// <summary>Whether a token ends its sequence.</summary>
    internal bool Ends(int token) => token == EosToken || StopTokens?.Contains(token) == true;
}
