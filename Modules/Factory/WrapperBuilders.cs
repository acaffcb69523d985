using System.Text.Json;
using System.Text.Json.Nodes;
using GpuTransformer.Host;

namespace GpuTransformer.Modules;

/// <summary>
/// Wrappers from descriptions: the module inside is the keyword argument <c>attn_layers</c>, or the first of <c>ctor_args</c>, and is a description itself.
/// </summary>
internal static class WrapperBuilders
{
    private const string Stack = "attn_layers";

    public static Module TransformerWrapper(JsonElement kwargs, ComputeDevice device, int seed, DType dtype)
        => Around(
            kwargs,
            nameof(TransformerWrapper),
            device,
            seed,
            dtype,
            (TransformerWrapperOptions options, AttentionLayers stack) => new TransformerWrapper(options, stack, seed));

    public static Module MultiInputTransformerWrapper(JsonElement kwargs, ComputeDevice device, int seed, DType dtype)
        => Around(
            kwargs,
            nameof(MultiInputTransformerWrapper),
            device,
            seed,
            dtype,
            (MultiInputTransformerWrapperOptions options, AttentionLayers stack) => new MultiInputTransformerWrapper(options, stack, seed));

    public static Module ViTransformerWrapper(JsonElement kwargs, ComputeDevice device, int seed, DType dtype)
        => Around(
            kwargs,
            nameof(ViTransformerWrapper),
            device,
            seed,
            dtype,
            (ViTransformerWrapperOptions options, AttentionLayers stack) => new ViTransformerWrapper(options, stack, seed));

    public static Module ContinuousTransformerWrapper(JsonElement kwargs, ComputeDevice device, int seed, DType dtype)
        => Around(
            kwargs,
            nameof(ContinuousTransformerWrapper),
            device,
            seed,
            dtype,
            (ContinuousTransformerWrapperOptions options, AttentionLayers stack) => new ContinuousTransformerWrapper(options, stack, seed));

    public static Module AutoregressiveWrapper(JsonElement kwargs, JsonElement net, ComputeDevice device, int seed, DType dtype)
    {
        AutoregressiveWrapperOptions options = OptionsJson.Read<AutoregressiveWrapperOptions>(kwargs, nameof(AutoregressiveWrapper));
        return Inside(net, "net", device, seed, dtype, (TransformerWrapper inner) => new AutoregressiveWrapper(inner, options));
    }

    public static Module ContinuousAutoregressiveWrapper(JsonElement kwargs, JsonElement net, ComputeDevice device, int seed, DType dtype)
    {
        ContinuousAutoregressiveWrapperOptions options = OptionsJson.Read<ContinuousAutoregressiveWrapperOptions>(
            kwargs, nameof(ContinuousAutoregressiveWrapper));
        return Inside(net, "net", device, seed, dtype, (ContinuousTransformerWrapper inner) => new ContinuousAutoregressiveWrapper(inner, options));
    }

    // The reference is a second model of the same description.
    public static Module Dpo(JsonElement kwargs, JsonElement model, ComputeDevice device, int seed, DType dtype)
    {
        DpoOptions options = OptionsJson.Read<DpoOptions>(kwargs, nameof(DPO));
        return Inside(model, "model", device, seed, dtype, (TransformerWrapper policy)
            => Inside(model, "model", device, seed, dtype, (TransformerWrapper reference) => new DPO(policy, reference, options)));
    }

    public static Module NonAutoregressiveWrapper(JsonElement kwargs, JsonElement net, ComputeDevice device, int seed, DType dtype)
    {
        const string Critic = "token_critic";
        (JsonElement own, JsonElement? critic) = Without(kwargs, Critic);
        NonAutoregressiveWrapperOptions options = OptionsJson.Read<NonAutoregressiveWrapperOptions>(own, nameof(NonAutoregressiveWrapper));
        return Inside(net, "net", device, seed, dtype, (TransformerWrapper inner) => critic is { ValueKind: JsonValueKind.Object } description
            ? Inside(description, Critic, device, seed, dtype, (TransformerWrapper judge) => new NonAutoregressiveWrapper(inner, options, judge, seed))
            : new NonAutoregressiveWrapper(inner, options, null, seed));
    }

    // The description of a module among the options, and the rest of them.
    private static (JsonElement Others, JsonElement? Taken) Without(JsonElement kwargs, string name)
    {
        if (kwargs.ValueKind != JsonValueKind.Object || !kwargs.TryGetProperty(name, out JsonElement taken))
            return (kwargs, null);
        JsonObject rest = JsonNode.Parse(kwargs.GetRawText())!.AsObject();
        rest.Remove(name);
        return (JsonSerializer.SerializeToElement(rest), taken);
    }

    // The options are read first: what is wrong with them should not cost a stack.
    private static Module Around<TOptions>(
        JsonElement kwargs, string owner, ComputeDevice device, int seed, DType dtype, Func<TOptions, AttentionLayers, Module> build)
        where TOptions : class
    {
        if (Without(kwargs, Stack) is not (var own, { } stack))
            throw new ArgumentException($"The kwargs of {owner} lack '{Stack}', the description of its stack.", nameof(kwargs));
        TOptions options = OptionsJson.Read<TOptions>(own, owner);
        return Inside(stack, Stack, device, seed, dtype, (AttentionLayers inner) => build(options, inner));
    }

    private static Module Inside<TModule>(JsonElement description, string name, ComputeDevice device, int seed, DType dtype, Func<TModule, Module> build)
        where TModule : Module
    {
        Module inner = ModuleFactory.Create(description, device, seed, dtype);
        try
        {
            return build(
                inner as TModule ?? throw new ArgumentException($"'{name}' is a {inner.GetType().Name}, not a {typeof(TModule).Name}.", nameof(description)));
        }
        catch
        {
            inner.Dispose();
            throw;
        }
    }
}
