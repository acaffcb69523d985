namespace GpuTransformer.Modules;

/// <summary>An <see cref="AutoregressiveWrapper"/>. Names and defaults are x-transformers'.</summary>
public sealed record AutoregressiveWrapperOptions
{
    /// <summary>Tokens with this number are no targets.</summary>
    public int IgnoreIndex { get; init; } = -100;

    /// <summary>What the model reads where a token is <see cref="IgnoreIndex"/>.</summary>
    public int PadValue { get; init => field = OptionChecks.Count(value); }
}
