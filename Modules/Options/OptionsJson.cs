using System.Collections;
using System.Reflection;
using System.Runtime.CompilerServices;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;

namespace GpuTransformer.Modules;

/// <summary>
/// Options as JSON under x-transformers' own snake_case names: <c>{"dim": 256, "ff_mult": 2}</c> is <c>new … { Dim = 256, FfMult = 2 }</c>.
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
        Dictionary<string, PropertyInfo> offered = Offered(typeof(TOptions));
        var known = new JsonObject();
        foreach (JsonProperty option in kwargs.EnumerateObject())
        {
            if (offered.TryGetValue(option.Name, out PropertyInfo? property))
            {
                CheckNotPerLayer(option, property, owner);
                known[option.Name] = JsonNode.Parse(option.Value.GetRawText());
            }
            else
            {
                CheckIsOff(typeof(TOptions), option, offered.Keys, owner);
            }
        }

        if (offered.FirstOrDefault(o => o.Value.IsDefined(typeof(RequiredMemberAttribute)) && !known.ContainsKey(o.Key)).Key is { } missing)
            throw new ArgumentException($"{owner} needs the option '{missing}', which is missing.", missing);
        try
        {
            return known.Deserialize<TOptions>(s_json)!;
        }
        catch (JsonException exception)
        {
            throw Wrong(owner, known, offered, exception);
        }
    }

    /// <summary>Writes the options that differ from their defaults; <see cref="Read"/> reads them back.</summary>
    public static JsonObject Write<TOptions>(TOptions options)
        where TOptions : class
    {
        ArgumentNullException.ThrowIfNull(options);
        JsonObject all = JsonSerializer.SerializeToNode(options, s_json)!.AsObject();
        JsonObject defaults = JsonSerializer.SerializeToNode(Activator.CreateInstance<TOptions>(), s_json)!.AsObject();
        var result = new JsonObject();
        foreach ((string name, JsonNode? value) in all)
        {
            if (!JsonNode.DeepEquals(value, defaults[name]))
                result[name] = value?.DeepClone();
        }

        return result;
    }

    /// <summary>The JSON name of an option: <c>FfMult</c> is <c>ff_mult</c>.</summary>
    public static string NameOf(string property) => JsonNamingPolicy.SnakeCaseLower.ConvertName(property);

    private static Dictionary<string, PropertyInfo> Offered(Type options)
        => options.GetProperties(BindingFlags.Public | BindingFlags.Instance).ToDictionary(static p => NameOf(p.Name), StringComparer.Ordinal);

    // The serializer says where in words of its own; the option, its value and what it takes are what helps.
    private static ArgumentException Wrong(string owner, JsonObject given, Dictionary<string, PropertyInfo> offered, JsonException exception)
    {
        string name = (exception.Path ?? string.Empty).TrimStart('$').TrimStart('.').Split('.', '[')[0];
        return offered.TryGetValue(name, out PropertyInfo? property)
            ? new ArgumentException($"{owner}: {name} is {NearestName.Shorten(given[name]?.ToJsonString() ?? "null")}, but it takes {Describe(property.PropertyType)}.", name, exception)
            : new ArgumentException($"The options of {owner} cannot be read: {exception.Message}", nameof(given), exception);
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
            return $"an object of {string.Join(", ", Offered(type).Select(static o => $"{o.Key}: {Describe(o.Value.PropertyType)}"))}";
        return type.GetGenericArguments() is [{ } item] ? $"a list, each {Describe(item)}" : $"an object, each value {Describe(type.GetGenericArguments()[1])}";
    }

    private static void CheckNotPerLayer(JsonProperty option, PropertyInfo property, string owner)
    {
        bool takesList = property.PropertyType != typeof(string) && typeof(IEnumerable).IsAssignableFrom(property.PropertyType);
        if (option.Value.ValueKind == JsonValueKind.Array && !takesList)
            throw new UnsupportedOptionException(option.Name, $"{owner}: {option.Name} is given as a list, one value per layer; here an option has one value for all layers.");
    }

    private static void CheckIsOff(Type options, JsonProperty option, IEnumerable<string> offered, string owner)
    {
        string name = option.Name;
        if (options == typeof(AttentionLayersOptions) && name == "attn_dim_context")
            throw new ArgumentException($"{owner}: attn_dim_context would change self-attention too; the width of the context is cross_attn_dim_context.", name);
        if (options == typeof(AttentionLayersOptions) && name is "cross_attn_heads" or "attn_heads" or "attn_causal")
            throw new ArgumentException($"{owner}: {name} does not exist; heads is shared by all attention layers, and the class decides causality.", name);
        string? off = UpstreamOptions.OffValue(options, name);
        if (off is null)
            throw new ArgumentException($"{owner} has no option '{NearestName.Shorten(name)}'; the nearest is '{NearestName.Of(name, offered)}'.", NearestName.Shorten(name));
        if (!JsonNode.DeepEquals(JsonNode.Parse(off), JsonNode.Parse(option.Value.GetRawText())) && option.Value.ValueKind is not (JsonValueKind.Null or JsonValueKind.False))
            throw new UnsupportedOptionException(name, $"{owner}: the option {name} of x-transformers is not supported.");
    }
}
