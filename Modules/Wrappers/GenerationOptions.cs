namespace GpuTransformer.Modules;

/// <summary>How <see cref="AutoregressiveWrapper.Generate(TokenInputs, int, GenerationOptions?, Host.Tensor?)"/> chooses the next token.</summary>
public sealed record GenerationOptions
{
    /// <summary>Logits are divided by it; finite, at least 0. 0 takes the most likely token.</summary>
    public float Temperature { get; init => field = (float)OptionChecks.NotNegativeNumber(value); } = 1;

    /// <summary>Only this many most likely tokens may be drawn; null for a tenth of all, rounded up, as x-transformers does. At least 1.</summary>
    public int? TopK { get; init => field = value is { } k ? OptionChecks.AtLeastOne(k) : null; }

    /// <summary>A sequence is over when this token is written, and goes on with PadValue; null for none.</summary>
    public int? EosToken { get; init => field = value is { } token ? OptionChecks.Count(token) : null; }

    /// <summary>For drawing: the same seed writes the same tokens.</summary>
    public int Seed { get; init; }

    internal void Validate(int tokens)
    {
        if (EosToken is { } eos && eos >= tokens)
            throw ForwardChecks.Wrong(nameof(EosToken), $"EosToken = {eos} is none of the tokens 0 to {tokens - 1}.");
    }
}
