namespace GpuTransformer.Modules;

/// <summary>A <see cref="DPO"/>. Names and defaults are x-transformers'.</summary>
public sealed record DpoOptions
{
    /// <summary>How strongly the policy is held to the reference: what the difference of log-probabilities is multiplied by.</summary>
    public float Beta { get; init => field = (float)OptionChecks.PositiveNumber(value); } = 0.1f;

    /// <summary>Tokens with this number are padding where no mask says what is; null for none.</summary>
    public int? PadId { get; init => field = value is { } id ? OptionChecks.Count(id) : null; }
}
