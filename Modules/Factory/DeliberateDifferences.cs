using System.Text.Json;
using GpuTransformer.Host;

namespace GpuTransformer.Modules;

/// <summary>One rule by which results differ from x-transformers' on purpose.</summary>
/// <param name="Name">A short name.</param>
/// <param name="Reason">What is done here, what upstream does, and why.</param>
public sealed record DeliberateDifference(string Name, string Reason);

/// <summary>
/// Where this library differs from x-transformers on purpose, and whether a golden case is such a place: decided from the case's options and masks, not from
/// its name. docs/differences.md says the same in prose.
/// </summary>
public static class DeliberateDifferences
{
    /// <summary>A query that sees no key.</summary>
    public static DeliberateDifference DeadRow { get; } = new(
        "dead-row",
        "A query that causality and masks together leave without a key gives zero; x-transformers' explicit path averages all values there, future and padding included.");

    /// <summary>More causal queries than keys, on x-transformers' fused path.</summary>
    public static DeliberateDifference TopLeft { get; } = new(
        "top-left-causality",
        "Causality is aligned bottom-right whatever the lengths; x-transformers' fused path aligns it top-left where there are more queries than keys.");

    /// <summary>A window that upstream applies to cross-attention.</summary>
    public static DeliberateDifference Window { get; } = new(
        "window-in-cross-attention",
        "attn_max_attend_past limits self-attention only; x-transformers applies it to cross-attention too, where it compares positions of two different sequences.");

    /// <summary>All of them.</summary>
    public static IReadOnlyList<DeliberateDifference> All { get; } = [DeadRow, TopLeft, Window];

    /// <summary>The difference that the case meets, or null: then it must agree.</summary>
    public static DeliberateDifference? Find(JsonElement description, SafetensorsReader tensors)
    {
        ArgumentNullException.ThrowIfNull(tensors);
        var options = new CaseOptions(description);
        switch (options.Class)
        {
            case "Attend":
                return FindInCore(options, tensors);
            case "Decoder" or "Encoder" or "PrefixDecoder" or "TransformerBlock" or "AttentionLayers":
                if (options.Flag("cross_attend") && options.Number("attn_max_attend_past") is not null && options.Number("cross_attn_max_attend_past") is null)
                    return Window;
                bool explicitPath = !options.Flag("attn_flash");
                return options.Class == "Decoder" && explicitPath && !options.HasFreeKeys("attn_") && HasDeadRow(options, tensors) ? DeadRow : null;
            default:
                return null;
        }
    }

    private static DeliberateDifference? FindInCore(CaseOptions options, SafetensorsReader tensors)
    {
        int queries = tensors["input.q"].Shape[2], keys = tensors["input.k"].Shape[2];
        if (!options.Flag("causal") || queries == 1)
            return null;
        if (options.Flag("flash"))
            return queries > keys ? TopLeft : null;
        var masks = new CaseMasks(tensors, tensors["input.q"].Shape[0], tensors["input.q"].Shape[1], queries, keys) { Pairs = "mask" };
        return !options.HasFreeKeys(string.Empty) && masks.AnyDeadRow(null) ? DeadRow : null;
    }

    private static bool HasDeadRow(CaseOptions options, SafetensorsReader tensors)
    {
        Shape x = tensors["input.x"].Shape;
        var masks = new CaseMasks(tensors, x[0], (int)(options.Number("heads") ?? 8), x[1], x[1])
        {
            Keys = tensors.Contains("input.self_attn_kv_mask") ? "self_attn_kv_mask" : "mask",
            Starts = "seq_start_pos",
            Queries = "mask",
            Pairs = "attn_mask",
        };
        return x[1] > 1 && masks.AnyDeadRow(options.Number("attn_max_attend_past"));
    }

    /// <summary>A case's constructor options and call arguments.</summary>
    private sealed class CaseOptions(JsonElement description)
    {
        public string Class => description.GetProperty("class").GetString()!;

        public bool Flag(string name) => Find(name) is { ValueKind: JsonValueKind.True };

        public double? Number(string name) => Find(name) is { ValueKind: JsonValueKind.Number } number ? number.GetDouble() : null;

        public bool HasFreeKeys(string prefix) => Flag(prefix + "add_zero_kv") || Number(prefix + "num_mem_kv") > 0;

        private JsonElement? Find(string name)
            => description.TryGetProperty("call_kwargs", out JsonElement call) && call.TryGetProperty(name, out JsonElement argument) ? argument
            : description.GetProperty("kwargs").TryGetProperty(name, out JsonElement option) ? option
            : null;
    }
}
