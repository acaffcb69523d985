using System.Text.Json;
using GpuTransformer.Modules;

namespace GpuTransformer.Cli.Verification;

/// <summary>
/// Where this library differs from x-transformers on purpose; docs/differences.md is the list for people. A case counts as such a difference only if every
/// element that is off lies where the rule says it must.
/// </summary>
internal static class DesignDifferences
{
    // The key mask as the stack chooses it; the first that is given.
    private static readonly string[] KeyMasks = ["input.self_attn_kv_mask", "input.mask"];

    private const string DeadRows =
        "queries that see no key because of causality and padding together: zero here, the average of all values, future and padding included, in x-transformers";

    /// <summary>The documented reason why <paramref name="output"/> exceeds <paramref name="limit"/>, or null where none explains every element of it.</summary>
    public static string? Explain(GoldenCase golden, SafetensorsReader file, GoldenOutput output, double limit)
    {
        if (output.Shape.Rank < 3 || !IsCausal(golden))
            return null;
        int width = output.Shape[^1], queries = output.Shape[^2], rowsPerBatch = output.Actual.Length / output.Shape[0] / width;
        bool[,] dead = FindDeadRows(file, output.Shape[0], queries);
        int rows = 0, last = -1;
        foreach (int row in output.Outside(limit).Select(i => i / width))
        {
            if (!dead[row / rowsPerBatch, row % queries])
                return null;
            rows += row == last ? 0 : 1;
            last = row;
        }

        return $"{rows} rows are {DeadRows}";
    }

    private static bool IsCausal(GoldenCase golden)
        => golden.Class == "Decoder" || golden.Has("causal") || (golden.CallKwargs is { } call && call.TryGetProperty("causal", out JsonElement causal) && causal.GetBoolean());

    /// <summary>[batch, queries]: true where causality (last query on last key) leaves only masked keys, while the batch row has keys that are not masked.</summary>
    /// <remarks>A batch row whose keys are all masked gives zero in x-transformers too.</remarks>
    private static bool[,] FindDeadRows(SafetensorsReader file, int batch, int queries)
    {
        bool[,] visible = VisibleKeys(file, batch, queries);
        int keys = visible.GetLength(1);
        var dead = new bool[batch, queries];
        for (int b = 0; b < batch; b++)
        {
            int first = Enumerable.Range(0, keys).FirstOrDefault(j => visible[b, j], keys);
            for (int i = 0; i < queries; i++)
                dead[b, i] = queries > 1 && first < keys && first > i + keys - queries;
        }

        return dead;
    }

    /// <summary>[batch, keys]: what seq_start_pos leaves, or the key mask, or everything.</summary>
    private static bool[,] VisibleKeys(SafetensorsReader file, int batch, int queries)
    {
        string? mask = KeyMasks.FirstOrDefault(name => file.Contains(name) && file[name].Shape.Rank == 2);
        int keys = mask is not null ? file[mask].Shape[1] : file.Contains("input.k") ? file["input.k"].Shape[2] : queries;
        float[]? flags = mask is null ? null : file.ReadSingles(mask), starts = file.Contains("input.seq_start_pos") ? file.ReadSingles("input.seq_start_pos") : null;
        var visible = new bool[batch, keys];
        for (int b = 0; b < batch; b++)
        {
            for (int j = 0; j < keys; j++)
                visible[b, j] = starts is not null ? j >= starts[b] : flags is null || flags[b * keys + j] != 0;
        }

        return visible;
    }
}
