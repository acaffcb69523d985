namespace GpuTransformer.Modules;

/// <summary>A norm on its own. Names and defaults are x-transformers'.</summary>
internal sealed record NormOptions
{
    /// <summary>Width.</summary>
    public required int Dim { get; init => field = OptionChecks.AtLeastOne(value); }

    /// <summary>The gain is stored minus one.</summary>
    public bool UnitOffset { get; init; }
}
