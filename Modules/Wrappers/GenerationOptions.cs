namespace GpuTransformer.Modules;

/// <summary>How <see cref="AutoregressiveWrapper.Generate(TokenInputs, int, GenerationOptions?, Host.Tensor?)"/> chooses the next token.</summary>
public sealed record GenerationOptions
{
    /// <summary>Logits are divided by it; 0 takes the most likely token.</summary>
    public float Temperature { get; init; } = 1;

    /// <summary>Only this many most likely tokens may be drawn; null for a tenth of all, rounded up, as x-transformers does.</summary>
    public int? TopK { get; init; }

    /// <summary>A sequence is over when this token is written, and goes on with PadValue; null for none.</summary>
    public int? EosToken { get; init; }

    /// <summary>For drawing: the same seed writes the same tokens.</summary>
    public int Seed { get; init; }

    internal void Validate(int tokens)
    {
        if (!(Temperature >= 0 && float.IsFinite(Temperature)))
            throw ForwardChecks.Wrong(nameof(Temperature), $"Temperature = {Temperature}, but it must be 0 or a positive number.");
        OptionChecks.Positive(TopK ?? 1, nameof(TopK));
        if (EosToken is { } eos && (eos < 0 || eos >= tokens))
            throw ForwardChecks.Wrong(nameof(EosToken), $"EosToken = {eos} is none of the tokens 0 to {tokens - 1}.");
    }
}
