using System.Text.Json;
using GpuTransformer.Host;

namespace GpuTransformer.Modules;

/// <summary>
/// Builds modules from descriptions in JSON: <c>{"class": "Encoder", "kwargs": {"dim": 256, "depth": 4, "heads": 4}}</c>, with x-transformers' names.
/// </summary>
public static class ModuleFactory
{
    private delegate Module Builder(JsonElement kwargs, ComputeDevice device, int seed, DType dtype);

    private static readonly Dictionary<string, Builder> s_builders = new(StringComparer.Ordinal)
    {
        ["AttentionLayers"] = static (kwargs, device, seed, dtype) => new AttentionLayers(
            OptionsJson.Read<AttentionLayersOptions>(kwargs, "AttentionLayers"), device, seed, dtype),
        ["Encoder"] = static (kwargs, device, seed, dtype) => new Encoder(Stack(kwargs, "Encoder"), device, seed, dtype),
        ["Decoder"] = static (kwargs, device, seed, dtype) => new Decoder(Stack(kwargs, "Decoder"), device, seed, dtype),
        ["CrossAttender"] = static (kwargs, device, seed, dtype) => new CrossAttender(Stack(kwargs, "CrossAttender"), device, seed, dtype),
        ["PrefixDecoder"] = static (kwargs, device, seed, dtype) => new PrefixDecoder(Stack(kwargs, "PrefixDecoder"), device, seed, dtype),
        ["TransformerBlock"] = static (kwargs, device, seed, dtype) => new TransformerBlock(
            OptionsJson.Read<AttentionLayersOptions>(kwargs, "TransformerBlock"), device, seed, dtype),
        ["Attention"] = static (kwargs, device, seed, dtype) => new Attention(OptionsJson.Read<AttentionOptions>(kwargs, "Attention"), device, seed, dtype),
        ["Attend"] = static (kwargs, device, _, _) => new Attend(OptionsJson.Read<AttendOptions>(kwargs, "Attend"), device),
        ["scaled_dot_product_attention"] = static (kwargs, device, _, _) => new ScaledDotProductAttention(
            OptionsJson.Read<ScaledDotProductOptions>(kwargs, "scaled_dot_product_attention"), device),
        ["FeedForward"] = static (kwargs, device, seed, dtype) => new FeedForward(
            OptionsJson.Read<FeedForwardOptions>(kwargs, "FeedForward"), device, seed, dtype),
        ["LayerNorm"] = static (kwargs, device, _, dtype) => Norm(kwargs, "LayerNorm", o => new LayerNorm(o.Dim, device, o.UnitOffset, dtype)),
        ["RMSNorm"] = static (kwargs, device, _, dtype) => Norm(kwargs, "RMSNorm", o => new RmsNorm(o.Dim, device, o.UnitOffset, dtype)),
        ["AttentionPool"] = static (kwargs, device, seed, dtype) => new AttentionPool(
            OptionsJson.Read<AttentionPoolOptions>(kwargs, "AttentionPool"), device, seed, dtype),
        ["TransformerWrapper"] = WrapperBuilders.TransformerWrapper,
        ["MultiInputTransformerWrapper"] = WrapperBuilders.MultiInputTransformerWrapper,
        ["XTransformer"] = XTransformerBuilder.Build,
        ["ViTransformerWrapper"] = WrapperBuilders.ViTransformerWrapper,
        ["ContinuousTransformerWrapper"] = WrapperBuilders.ContinuousTransformerWrapper,
        ["ScaleNorm"] = static (kwargs, device, _, dtype) => Norm(kwargs, "ScaleNorm", o => new ScaleNorm(device, o.UnitOffset, dtype)),
    };

    private delegate Module OuterBuilder(JsonElement kwargs, JsonElement inner, ComputeDevice device, int seed, DType dtype);

    // Their first positional argument is a module.
    private static readonly Dictionary<string, OuterBuilder> s_outerBuilders = new(StringComparer.Ordinal)
    {
        ["AutoregressiveWrapper"] = WrapperBuilders.AutoregressiveWrapper,
        ["NonAutoregressiveWrapper"] = WrapperBuilders.NonAutoregressiveWrapper,
        ["DPO"] = WrapperBuilders.Dpo,
        ["ContinuousAutoregressiveWrapper"] = WrapperBuilders.ContinuousAutoregressiveWrapper,
    };

    /// <summary>The classes that can be built.</summary>
    public static IReadOnlyCollection<string> Classes { get; } = [.. s_builders.Keys, .. s_outerBuilders.Keys];

    /// <summary>Builds a module.</summary>
    /// <param name="description">
    /// An object with <c>class</c> and <c>kwargs</c>, and for a class that wraps another <c>ctor_args</c>; other fields are left alone.
    /// </param>
    /// <param name="device">Where it runs.</param>
    /// <param name="seed">For its initial parameters.</param>
    /// <param name="dtype">What parameters and activations are stored as.</param>
    /// <exception cref="ArgumentException">The class or an option is unknown, or the options contradict each other.</exception>
    /// <exception cref="UnsupportedOptionException">x-transformers knows the class or option, this library does not.</exception>
    /// <exception cref="InsufficientMemoryException">The device has no room for the parameters.</exception>
    public static Module Create(JsonElement description, ComputeDevice device, int seed = 0, DType dtype = DType.Float32)
    {
        ArgumentNullException.ThrowIfNull(device);
        JsonInput.Check(description, "The module's description", nameof(description));
        if (description.ValueKind != JsonValueKind.Object || !description.TryGetProperty("class", out JsonElement name)
            || name.ValueKind != JsonValueKind.String)
            throw new ArgumentException(
                "A module's description is a JSON object with \"class\" and \"kwargs\", as {\"class\": \"Encoder\", \"kwargs\": {\"dim\": 256, \"depth\": 4}}.",
                nameof(description));
        string className = name.GetString()!;
        JsonElement kwargs = description.TryGetProperty("kwargs", out JsonElement given)
            ? given
            : throw new ArgumentException($"The description of {NearestName.Shorten(className)} has no \"kwargs\".", nameof(description));
        JsonElement[] positional = description.TryGetProperty("ctor_args", out JsonElement list) && list.ValueKind != JsonValueKind.Null
            ? list.ValueKind == JsonValueKind.Array
                ? [.. list.EnumerateArray()]
                : throw new ArgumentException(
                    $"The ctor_args of {NearestName.Shorten(className)} are a JSON {list.ValueKind}, not a list.", nameof(description))
            : [];
        if (s_outerBuilders.TryGetValue(className, out OuterBuilder? buildAround))
        {
            return positional.Length == 1
                ? buildAround(kwargs, positional[0], device, seed, dtype)
                : throw new ArgumentException($"{className} wraps one module, but ctor_args has {positional.Length}.", nameof(description));
        }

        if (!s_builders.TryGetValue(className, out Builder? build))
        {
            throw UpstreamOptions.Classes.Contains(className)
                ? new UnsupportedOptionException(className, $"The class {className} of x-transformers is not supported.")
                : new ArgumentException(
                    $"There is no class '{NearestName.Shorten(className)}'; the nearest is '{NearestName.Of(className, Classes)}'.", nameof(description));
        }

        return positional.Length == 0
            ? build(kwargs, device, seed, dtype)
            : throw new ArgumentException($"{className} takes named arguments only, but ctor_args has {positional.Length}.", nameof(description));
    }

    /// <summary>Builds a module from JSON text.</summary>
    /// <exception cref="ArgumentException">The text is not JSON; or as for the other overload.</exception>
    public static Module Create(string json, ComputeDevice device, int seed = 0, DType dtype = DType.Float32)
    {
        JsonElement description;
        try
        {
            description = JsonInput.Parse(json);
        }
        catch (InvalidDataException exception)
        {
            throw new ArgumentException($"The module's description is not valid JSON: {exception.Message}", nameof(json), exception);
        }

        return Create(description, device, seed, dtype);
    }

    private static AttentionLayersOptions Stack(JsonElement kwargs, string owner)
    {
        if (kwargs.ValueKind == JsonValueKind.Object && kwargs.TryGetProperty("causal", out _))
            throw new ArgumentException($"{owner} takes no causal: the class decides it. Use Encoder, Decoder or AttentionLayers.", nameof(kwargs));
        return OptionsJson.Read<AttentionLayersOptions>(kwargs, owner);
    }

    private static Module Norm(JsonElement kwargs, string owner, Func<NormOptions, Module> build)
    {
        NormOptions options = OptionsJson.Read<NormOptions>(kwargs, owner);
        OptionChecks.Positive(options.Dim, nameof(options.Dim));
        return build(options);
    }
}
