using System.Collections;
using System.Reflection;
using System.Runtime.CompilerServices;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;

namespace GpuTransformer.Modules;

/// <summary>
/// Options as JSON under x-transformers' own flat snake_case names: <c>{"dim": 256, "ff_mult": 2}</c> is <c>new … { Dim = 256, Ff = new() { Mult = 2 } }</c>.
/// A list in place of one value, <c>"ff_mult": [2, 3]</c>, has one for each layer of the kind.
/// A name that nobody knows is an <see cref="ArgumentException"/>; one that only x-transformers knows an <see cref="UnsupportedOptionException"/>.
/// </summary>
public static class OptionsJson
{
    private static readonly JsonSerializerOptions s_json = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
        RespectNullableAnnotations = true,
    };

    /// <summary>Reads an options record.</summary>
    /// <param name="kwargs">A JSON object.</param>
    /// <param name="owner">The class it configures, for messages.</param>
    /// <exception cref="ArgumentException">An option is unknown, missing or of the wrong type.</exception>
    /// <exception cref="UnsupportedOptionException">x-transformers knows the option or its value, this library does not.</exception>
    public static TOptions Read<TOptions>(JsonElement kwargs, string owner)
        where TOptions : class
    {
        if (kwargs.ValueKind != JsonValueKind.Object)
            throw new ArgumentException($"The kwargs of {owner} are a JSON {kwargs.ValueKind}, not an object.", nameof(kwargs));
        JsonInput.Check(kwargs, $"The kwargs of {owner}", nameof(kwargs));
        OptionNames offered = OptionNames.Of(typeof(TOptions));
        Dictionary<string, JsonElement> known = new(StringComparer.Ordinal), perLayer = new(StringComparer.Ordinal);
        foreach (JsonProperty given in kwargs.EnumerateObject())
        {
            if (offered[given.Name] is { } option)
            {
                if (PerLayerOptions.Is(given.Value, option, offered, owner))
                    perLayer[given.Name] = given.Value;
                else
                    known[given.Name] = given.Value;
            }
            else
            {
                CheckIsOff(typeof(TOptions), given, offered.Names, owner);
            }
        }

        if (offered.All.FirstOrDefault(o => o.Property.IsDefined(typeof(RequiredMemberAttribute)) && !known.ContainsKey(o.Name))?.Name is { } missing)
            throw new ArgumentException($"{owner} needs the option '{missing}', which is missing.", missing);
        try
        {
            JsonObject tree = Tree(offered, known);
            PerLayerOptions.AddTo(tree, offered, perLayer);
            return tree.Deserialize<TOptions>(s_json)!;
        }
        catch (JsonException exception)
        {
            throw Wrong(owner, new(known.Concat(perLayer), StringComparer.Ordinal), offered, exception);
        }
    }

    /// <summary>Writes the options that differ from their defaults, flat; <see cref="Read"/> reads them back.</summary>
    public static JsonObject Write<TOptions>(TOptions options)
        where TOptions : class
    {
        ArgumentNullException.ThrowIfNull(options);
        OptionNames names = OptionNames.Of(typeof(TOptions));
        JsonNode all = JsonSerializer.SerializeToNode(options, s_json)!, defaults = JsonSerializer.SerializeToNode(
            Activator.CreateInstance<TOptions>(), s_json)!;
        var result = new JsonObject();
        foreach (OptionName option in names.All)
        {
            // A record that is left out says nothing; one that is there differs from what holds without it.
            if (option.Path.Length > 1 && all[option.Path[0]] is null)
                continue;
            JsonNode? value = At(all, option), otherwise = option.Fallback is { } name ? At(all, names[name]!) : At(defaults, option) ?? Default(option);
            if (!JsonNode.DeepEquals(value, otherwise))
                result[option.Name] = value?.DeepClone();
        }

        PerLayerOptions.Write(result, all, names);

        return result;
    }

    /// <summary>The JSON name of an option: <c>KvHeads</c> is <c>kv_heads</c>.</summary>
    public static string NameOf(string property) => OptionNames.Of(property);

    // The flat options as the records inside one another; an inner record that nobody names is left out.
    private static JsonObject Tree(OptionNames names, Dictionary<string, JsonElement> given)
    {
        var tree = new JsonObject();
        foreach (IGrouping<string, OptionName> record in names.All.GroupBy(static o => o.Path.Length > 1 ? o.Path[0] : string.Empty))
        {
            OptionName[] named = [.. record.Where(o => given.ContainsKey(o.Name))];
            if (named.Length == 0)
                continue;
            JsonObject target = record.Key.Length == 0 ? tree : [];
            foreach (OptionName option in record)
            {
                if (given.TryGetValue(option.Name, out JsonElement value) || (option.Fallback is { } name && given.TryGetValue(name, out value)))
                    target[option.Path[^1]] = JsonNode.Parse(value.GetRawText());
            }

            if (record.Key.Length > 0)
                tree[record.Key] = target;
        }

        return tree;
    }

    private static JsonNode? At(JsonNode tree, OptionName option) => option.Path.Aggregate((JsonNode?)tree, static (node, name) => node?[name]);

    private static JsonNode? Default(OptionName option)
        => JsonSerializer.SerializeToNode(Activator.CreateInstance(option.Property.ReflectedType!), option.Property.ReflectedType!, s_json)![option.Path[^1]];

    // The serializer says where in words of its own; the option, its value and what it takes are what helps.
    private static ArgumentException Wrong(string owner, Dictionary<string, JsonElement> given, OptionNames offered, JsonException exception)
    {
        OptionName? option = offered.At((exception.Path ?? string.Empty).Split(['$', '.', '[', ']'], StringSplitOptions.RemoveEmptyEntries));
        if (option is null)
            return new ArgumentException($"The options of {owner} cannot be read: {exception.Message}", nameof(given), exception);
        string name = given.ContainsKey(option.Name) ? option.Name : option.Fallback ?? option.Name;
        string value = given.TryGetValue(name, out JsonElement element) ? element.GetRawText() : "null";
        return new ArgumentException(
            $"{owner}: {name} is {NearestName.Shorten(value)}, but it takes {Describe(option.Property.PropertyType)}.", name, exception);
    }

    private static string Describe(Type type)
    {
        if (Nullable.GetUnderlyingType(type) is { } inner)
            return $"{Describe(inner)} or null";
        if (type == typeof(int))
            return $"an integer from {int.MinValue} to {int.MaxValue}";
        if (type == typeof(bool))
            return "true or false";
        if (type == typeof(float) || type == typeof(double))
            return "a number";
        if (type == typeof(string))
            return "a text";
        if (!type.IsGenericType)
            return $"an object of {string.Join(", ", OptionNames.Of(type).All.Select(static o => $"{o.Name}: {Describe(o.Property.PropertyType)}"))}";
        return type.GetGenericArguments() is [{ } item] ? $"a list, each {Describe(item)}" : $"an object, each value {Describe(type.GetGenericArguments()[1])}";
    }

    private static void CheckIsOff(Type options, JsonProperty option, IEnumerable<string> offered, string owner)
    {
        string name = option.Name;
        if (options == typeof(AttentionLayersOptions) && name == "attn_dim_context")
            throw new ArgumentException(
                $"{owner}: attn_dim_context would change self-attention too; the width of the context is cross_attn_dim_context.", name);
        if (options == typeof(AttentionLayersOptions) && name is "cross_attn_heads" or "attn_heads" or "attn_causal")
            throw new ArgumentException($"{owner}: {name} does not exist; heads is shared by all attention layers, and the class decides causality.", name);
        UpstreamOption? upstream = UpstreamOptions.Find(options, name);
        if (upstream is null)
            throw new ArgumentException(
                $"{owner} has no option '{NearestName.Shorten(name)}'; the nearest is '{NearestName.Of(name, offered)}'.", NearestName.Shorten(name));
        if (!JsonNode.DeepEquals(JsonNode.Parse(upstream.Off), JsonNode.Parse(option.Value.GetRawText()))
            && option.Value.ValueKind is not (JsonValueKind.Null or JsonValueKind.False))
            throw new UnsupportedOptionException(name, $"{owner}: the option {name} of x-transformers is not supported. {upstream.Why}");
    }
}
