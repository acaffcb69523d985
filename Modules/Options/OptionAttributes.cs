namespace GpuTransformer.Modules;

/// <summary>Which values an option takes; null always means that it is left out.</summary>
internal enum OptionRange
{
    /// <summary>An integer of at least 1.</summary>
    Positive,

    /// <summary>An integer of at least 0.</summary>
    Count,

    /// <summary>A finite number above 0.</summary>
    PositiveNumber,

    /// <summary>A finite number.</summary>
    Finite,

    /// <summary>A number in [0, 1): how likely something is left out in training.</summary>
    Probability,
}

/// <summary>The values that an option takes: checked when a module is built, and told in docs/options.md.</summary>
[AttributeUsage(AttributeTargets.Property)]
internal sealed class TakesAttribute(OptionRange range) : Attribute
{
    public OptionRange Range => range;
}

/// <summary>An options record inside another, whose options x-transformers spells flat, with a prefix: <c>attn_dim_head</c> is <c>Attn.DimHead</c>.</summary>
[AttributeUsage(AttributeTargets.Property)]
internal sealed class PrefixAttribute(string prefix) : Attribute
{
    public string Prefix => prefix;

    /// <summary>The options of the inner record that have no such name, because the outer record decides them.</summary>
    public string[] Except { get; init; } = [];

    /// <summary>The property of the outer record that stands in where an option of this one is not given; null for the defaults.</summary>
    public string? Over { get; init; }

    /// <summary>The options for which it does not.</summary>
    public string[] NotOver { get; init; } = [];
}

/// <summary>A list with one value for each layer, in place of the property of that name for all: in JSON the option's own name, with a list.</summary>
[AttributeUsage(AttributeTargets.Property)]
internal sealed class EachLayerAttribute(string property) : Attribute
{
    public string Property => property;
}
