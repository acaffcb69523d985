using System.Globalization;
using System.Reflection;
using System.Runtime.CompilerServices;
using System.Text;
using System.Text.Json.Serialization;
using System.Text.RegularExpressions;
using System.Xml.Linq;
using GpuTransformer.Modules;

namespace GpuTransformer.Cli.Reporting;

/// <summary>
/// docs/options.md: every option of x-transformers, ours or why not. Names, defaults, ranges and words come from the option records and the comments on their
/// properties, so that nothing is written twice.
/// </summary>
internal static partial class OptionsDocument
{
    private static readonly (string Title, Type Record)[] s_records =
    [
        ("Stacks: `Encoder`, `Decoder`, `CrossAttender`, `PrefixDecoder`, `TransformerBlock`, `AttentionLayers`", typeof(AttentionLayersOptions)),
        ("`Attention`", typeof(AttentionOptions)),
        ("`FeedForward`", typeof(FeedForwardOptions)),
        ("`Attend`", typeof(AttendOptions)),
        ("`LayerNorm`, `RmsNorm`, `ScaleNorm`", typeof(NormOptions)),
        ("`TransformerWrapper`", typeof(TransformerWrapperOptions)),
        ("`AutoregressiveWrapper`", typeof(AutoregressiveWrapperOptions)),
        ("`XTransformer`", typeof(XTransformerBuilder.SharedOptions)),
        ("`ViTransformerWrapper`", typeof(ViTransformerWrapperOptions)),
        ("`ContinuousTransformerWrapper`", typeof(ContinuousTransformerWrapperOptions)),
        ("`ContinuousAutoregressiveWrapper`", typeof(ContinuousAutoregressiveWrapperOptions)),
        ("`MultiInputTransformerWrapper`", typeof(MultiInputTransformerWrapperOptions)),
        ("`NonAutoregressiveWrapper`", typeof(NonAutoregressiveWrapperOptions)),
        ("`DPO`", typeof(DpoOptions)),
        ("`AttentionPool`", typeof(AttentionPoolOptions)),
    ];

    /// <summary>The document.</summary>
    /// <exception cref="InvalidDataException">The comments of the modules' assembly do not lie beside it, or an option has none.</exception>
    public static string Write()
    {
        Dictionary<string, XElement> comments = Comments();
        var text = new StringBuilder();
        text.Append(
            """
            # Options

            Every option of x-transformers 2.26: under which name it stands here, what it is by default, which values it takes, what it does; and after
            each table those that are not here, and why. JSON has x-transformers' own names, flat; in C# a prefix is a record: `attn_dim_head` is
            `Attn.DimHead`. An option of the second list is refused unless it is switched off. Written by `gpu-transformer options`; the tests compare.

            """);
        foreach ((string title, Type record) in s_records)
            WriteRecord(text, title, record, comments);
        return text.ToString();
    }

    private static void WriteRecord(StringBuilder text, string title, Type record, Dictionary<string, XElement> comments)
    {
        text.Append(CultureInfo.InvariantCulture, $"\n## {title}\n\n");
        if (record == typeof(XTransformerBuilder.SharedOptions))
            text.Append(
                "And `enc_…`, `dec_…`: those of the embedding (`num_tokens`, `max_seq_len`, `emb_dropout`, `scaled_sinu_pos_emb`, `use_abs_pos_emb`) and "
                + "those of the stack.\n\n");
        text.Append("| option | in C# | default | takes | what it does |\n| --- | --- | --- | --- | --- |\n");
        object? defaults = record.GetConstructor(Type.EmptyTypes) is null ? null : Activator.CreateInstance(record);
        PropertyInfo[] properties = record.GetProperties(BindingFlags.Public | BindingFlags.Instance);
        foreach (PropertyInfo property in properties.OrderBy(static p => p.IsDefined(typeof(PrefixAttribute))).ThenBy(static p => !IsNeeded(p)))
        {
            if (property.IsDefined(typeof(JsonIgnoreAttribute)))
                continue;
            string summary = Summary(property, comments);
            if (property.GetCustomAttribute<PrefixAttribute>() is { } inner)
            {
                string type = property.PropertyType.Name, except = string.Join(", ", inner.Except.Select(static name => $"`{OptionNames.Of(name)}`"));
                text.Append(CultureInfo.InvariantCulture, $"| `{inner.Prefix}…` | `{property.Name}` | | `{type}`, but {except} | {summary} |\n");
                continue;
            }

            text.Append(
                CultureInfo.InvariantCulture,
                $"| `{OptionNames.Of(property.Name)}` | `{property.Name}` | {(IsNeeded(property) ? "needed" : Default(property.GetValue(defaults)))} | "
                + $"{Takes(property)} | {summary} |\n");
        }

        foreach (IGrouping<string, KeyValuePair<string, UpstreamOption>> group in UpstreamOptions.Table(record).GroupBy(static option => option.Value.Why))
            text.Append(
                CultureInfo.InvariantCulture,
                $"\n{group.Key} {string.Join(", ", group.Select(static option => $"`{option.Key}` (off: `{option.Value.Off}`)"))}.\n");
    }

    private static bool IsNeeded(PropertyInfo property) => property.IsDefined(typeof(RequiredMemberAttribute));

    private static string Default(object? value) => value switch
    {
        null => "null",
        bool on => on ? "true" : "false",
        IFormattable number => number.ToString(null, CultureInfo.InvariantCulture),
        System.Collections.IEnumerable => "none",
        _ => value.ToString()!,
    };

    private static string Takes(PropertyInfo property)
    {
        Type type = Nullable.GetUnderlyingType(property.PropertyType) ?? property.PropertyType;
        return property.GetCustomAttribute<TakesAttribute>()?.Range switch
        {
            OptionRange.Positive => "integer ≥ 1",
            OptionRange.Count => "integer ≥ 0",
            OptionRange.PositiveNumber => "number > 0",
            OptionRange.Finite => "number",
            OptionRange.Probability => "number in [0, 1)",
            _ when type == typeof(bool) => "true, false",
            _ when type == typeof(int) => "integer",
            _ when type == typeof(float) || type == typeof(double) => "number",
            _ when type == typeof(string) => "text",
            _ when type.IsGenericType => type.GetGenericArguments() is [{ } item]
                ? $"list of {(item == typeof(string) ? "texts" : item == typeof(int) ? "integers" : "numbers")}"
                : "object of integers",
            _ => $"object: {string.Join(", ", OptionNames.Of(type).Names.Select(static name => $"`{name}`"))}",
        };
    }

    private static Dictionary<string, XElement> Comments()
    {
        string path = Path.ChangeExtension(typeof(AttentionLayersOptions).Assembly.Location, ".xml");
        return File.Exists(path)
            ? XDocument.Load(path).Descendants("member").ToDictionary(static m => m.Attribute("name")!.Value, StringComparer.Ordinal)
            : throw new InvalidDataException($"The comments '{path}' are missing; build with GenerateDocumentationFile = true.");
    }

    private static string Summary(PropertyInfo property, Dictionary<string, XElement> comments)
    {
        string name = $"P:{property.DeclaringType!.FullName!.Replace('+', '.')}.{property.Name}";
        comments.TryGetValue(name, out XElement? member);
        if (member?.Element("inheritdoc")?.Attribute("cref")?.Value is { } other)
            member = comments.GetValueOrDefault(other);
        if (member?.Element("summary") is not { } summary)
            throw new InvalidDataException($"The option {name[2..]} has no comment.");
        IEnumerable<string> words = new[] { summary, member.Element("remarks") }.OfType<XElement>().Where(
            static e => !e.Value.StartsWith("In JSON", StringComparison.Ordinal)).Select(Words);
        return string.Join(' ', words).Replace("|", "\\|", StringComparison.Ordinal);
    }

    private static string Words(XElement element)
        => Spaces().Replace(string.Concat(element.Nodes().Select(static node => node switch
        {
            XText text => text.Value,
            XElement { Name.LocalName: "see" } see => $"`{see.Attribute("cref")!.Value.Split('.')[^1]}`",
            XElement { Name.LocalName: "c" } code => $"`{code.Value}`",
            XElement other => other.Value,
            _ => string.Empty,
        })), " ").Trim();

    [GeneratedRegex(@"\s+")]
    private static partial Regex Spaces();
}
