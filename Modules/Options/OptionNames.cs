using System.Collections.Concurrent;
using System.Reflection;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace GpuTransformer.Modules;

/// <summary>One option of a record, or of a record inside it.</summary>
/// <param name="Name">As x-transformers spells it: <c>cross_attn_dim_context</c>.</param>
/// <param name="Path">The properties that lead to it, by their JSON names: <c>cross_attn</c>, <c>dim_context</c>.</param>
/// <param name="Property">The last of them.</param>
/// <param name="Inner">Where it stands in a record inside: that record's prefix.</param>
/// <param name="Fallback">The name of the option that holds where this one is not given; null for the default.</param>
internal sealed record OptionName(string Name, string[] Path, PropertyInfo Property, PrefixAttribute? Inner, string? Fallback);

/// <summary>The flat names of an options record: those of its own properties, and under their prefixes those of the records inside it.</summary>
internal sealed class OptionNames
{
    private static readonly ConcurrentDictionary<Type, OptionNames> s_known = new();

    private readonly Dictionary<string, OptionName> _byName;

    private OptionNames(Type record)
    {
        // What only code can say has no name.
        PropertyInfo[] properties =
            [.. record.GetProperties(BindingFlags.Public | BindingFlags.Instance).Where(
                static p => !p.IsDefined(typeof(JsonIgnoreAttribute)) && !p.IsDefined(typeof(EachLayerAttribute)))];
        ILookup<bool, PropertyInfo> isInner = properties.ToLookup(static p => p.IsDefined(typeof(PrefixAttribute)));
        All =
        [
            .. isInner[false].Select(static p => new OptionName(Of(p.Name), [Of(p.Name)], p, null, null)),
            .. isInner[true].SelectMany(p => Inside(p, p.GetCustomAttribute<PrefixAttribute>()!, properties)),
        ];
        Each = record.GetProperties().Where(static p => p.IsDefined(typeof(EachLayerAttribute))).ToDictionary(
            static p => Of(p.GetCustomAttribute<EachLayerAttribute>()!.Property), static p => Of(p.Name), StringComparer.Ordinal);
        _byName = All.ToDictionary(static o => o.Name, StringComparer.Ordinal);
    }

    /// <summary>All options, the own first.</summary>
    public IReadOnlyList<OptionName> All { get; }

    /// <summary>By the first part of an option's path, the property that has a value for each layer.</summary>
    public IReadOnlyDictionary<string, string> Each { get; }

    /// <summary>Their names.</summary>
    public IEnumerable<string> Names => _byName.Keys;

    /// <summary>The option of that name; null if there is none.</summary>
    public OptionName? this[string name] => _byName.GetValueOrDefault(name);

    /// <summary>The names of a record's options.</summary>
    public static OptionNames Of(Type record) => s_known.GetOrAdd(record, static type => new OptionNames(type));

    /// <summary>The JSON name of a property: <c>KvHeads</c> is <c>kv_heads</c>.</summary>
    public static string Of(string property) => JsonNamingPolicy.SnakeCaseLower.ConvertName(property);

    /// <summary>The option at a place in the tree, or around it; null if there is none.</summary>
    public OptionName? At(ReadOnlySpan<string> path)
    {
        foreach (OptionName option in All)
        {
            if (path.StartsWith(option.Path))
                return option;
        }

        return null;
    }

    private static IEnumerable<OptionName> Inside(PropertyInfo outer, PrefixAttribute prefix, PropertyInfo[] siblings)
    {
        Type record = Nullable.GetUnderlyingType(outer.PropertyType) ?? outer.PropertyType;
        PrefixAttribute? under = siblings.FirstOrDefault(p => p.Name == prefix.Over)?.GetCustomAttribute<PrefixAttribute>();
        foreach (PropertyInfo option in record.GetProperties(BindingFlags.Public | BindingFlags.Instance))
        {
            if (prefix.Except.Contains(option.Name))
                continue;
            bool fallsBack = under is not null && !under.Except.Contains(option.Name) && !prefix.NotOver.Contains(option.Name);
            yield return new OptionName(
                prefix.Prefix + Of(option.Name), [Of(outer.Name), Of(option.Name)], option, prefix, fallsBack ? under!.Prefix + Of(option.Name) : null);
        }
    }
}
