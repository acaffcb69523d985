using System.Text.Json;
using System.Text.Json.Nodes;
using GpuTransformer.Modules;

namespace GpuTransformer.Cli.Verification;

/// <summary>
/// Where this library differs from x-transformers on purpose, decided from a case's options and masks and never from its name; docs/differences.md says
/// the same to people. An element that is off where no rule allows it makes the case a failed one.
/// </summary>
internal static class DesignDifferences
{
    private const string DeadRow =
        "see no key because of causality and masks together, and give zero; "
        + "x-transformers' explicit path averages all values there, future and padding included";

    private const string TopLeft =
        "causality is aligned bottom-right whatever the lengths; x-transformers' fused path aligns it top-left where there are more queries than keys";

    private const string Window =
        "attn_max_attend_past limits self-attention only; x-transformers applies it to cross-attention too, where it compares positions of two different "
        + "sequences";

    private const string Mixing =
        "hyper-connections mix the streams by a doubly stochastic matrix, as in the paper; x-transformers adds all of them up, which "
        + "hyper_conn_unconstrained_mixing does here, and with it the case passes";

    /// <summary>The same case with an option of this library that undoes a documented difference, and the reason; null where there is none.</summary>
    public static (GoldenCase Case, string Why)? Undone(GoldenCase golden)
    {
        if (golden.Kwargs.ValueKind != JsonValueKind.Object || !golden.Kwargs.TryGetProperty("num_residual_streams", out _))
            return null;
        JsonObject kwargs = JsonNode.Parse(golden.Kwargs.GetRawText())!.AsObject();
        kwargs["hyper_conn_unconstrained_mixing"] = true;
        return (golden with { Kwargs = JsonSerializer.SerializeToElement(kwargs) }, Mixing);
    }

    /// <summary>
    /// The documented reason why <paramref name="output"/> exceeds <paramref name="limit"/>, or null where none explains every element of it.
    /// </summary>
    public static string? Explain(GoldenCase golden, SafetensorsReader file, GoldenOutput output, double limit) => golden.Class switch
    {
        "Attend" => ExplainCore(golden, file, output, limit),
        "Decoder" or "Encoder" or "AttentionLayers" or "TransformerBlock" => ExplainStack(golden, file, output, limit),
        _ => null,
    };

    private static string? ExplainCore(GoldenCase golden, SafetensorsReader file, GoldenOutput output, double limit)
    {
        int queries = file.Ranked("input.q", 4)[2], keys = file.Ranked("input.k", 4)[2];
        if (!golden.Flag("causal") || queries == 1 || golden.Flag("add_zero_kv"))
            return null;
        if (golden.Flag("flash"))
            return queries > keys ? TopLeft : null;
        string? keyMask = null, pairMask = null;
        if (file.Contains("input.mask"))
            (keyMask, pairMask) = file["input.mask"].Shape.Rank == 2 ? ("input.mask", pairMask) : (keyMask, "input.mask");
        var visibility = new CaseVisibility(file, (output.Shape[0], output.Shape[1], queries, keys), keyMask, pairMask: pairMask);
        return OnlyIn(visibility.DeadRows(), output, limit);
    }

    private static string? ExplainStack(GoldenCase golden, SafetensorsReader file, GoldenOutput output, double limit)
    {
        if (golden.Flag("cross_attend") && golden.Number("attn_max_attend_past") is not null && golden.Number("cross_attn_max_attend_past") is null)
            return Window;
        bool isCausal = golden.Class == "Decoder" || golden.Flag("causal"), hasFreeKeys = golden.Flag("attn_add_zero_kv")
            || golden.Number("attn_num_mem_kv") > 0;
        if (!isCausal || hasFreeKeys || golden.Flag("attn_flash") || output.Shape.Rank != 3)
            return null;
        (int batch, int length, int heads) = (output.Shape[0], output.Shape[1], (int)(golden.Number("heads") ?? 8));
        var visibility = new CaseVisibility(
            file,
            (batch, heads, length, length),
            keyMask: file.Contains("input.self_attn_kv_mask") ? "input.self_attn_kv_mask" : "input.mask",
            starts: "input.seq_start_pos",
            queryMask: "input.mask",
            pairMask: "input.attn_mask",
            window: golden.Number("attn_max_attend_past"));
        return OnlyIn(visibility.Spread(visibility.DeadRows()), output, limit);
    }

    // Rows are all axes but the last.
    private static string? OnlyIn(bool[] allowed, GoldenOutput output, double limit)
    {
        int width = output.Shape[^1];
        List<int> rows = [.. output.Outside(limit).Select(i => i / width).Distinct()];
        return rows.TrueForAll(row => allowed[row]) ? $"{rows.Count} of {allowed.Length} rows {DeadRow}" : null;
    }
}
