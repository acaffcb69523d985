using GpuTransformer.Host;

namespace GpuTransformer.Modules;

/// <summary>Guesses, from what does not fit, which option would make a checkpoint fit.</summary>
internal static class CheckpointHints
{
    /// <summary>A norm or projection of another width: which option says so.</summary>
    public static void AddWidth(List<string> hints, string name, Shape stored, Shape needed)
    {
        if (stored.Rank != needed.Rank || stored.Rank is 0 or > 2)
            return;
        string field = name[(name.LastIndexOf('.', Math.Max(0, name.LastIndexOf('.') - 1)) + 1)..];
        if (stored.Rank == 1 && (field.EndsWith("gamma", StringComparison.Ordinal) || field.EndsWith(".g", StringComparison.Ordinal)) && needed[0] > 1)
            hints.Add($"Hint: the norms are {stored[0]} wide: the checkpoint is of a model with Dim = {stored[0]}, not {needed[0]}.");
        else if (field is "to_k.weight" or "to_v.weight" && stored[0] == needed[0] && stored[1] != needed[1])
            hints.Add(
                $"Hint: keys and values are projected from width {stored[1]}: "
                + $"the checkpoint is of a model with a context {stored[1]} wide (CrossAttn.DimContext), not {needed[1]}.");
        else if (field is "to_q.weight" && stored[0] != needed[0] && stored[1] == needed[1])
            hints.Add($"Hint: the query heads are {stored[0]} wide together, not {needed[0]}: Heads or Attn.DimHead differ.");
        else if (field is "0.weight" or "proj.weight" && stored[0] != needed[0] && stored[1] == needed[1])
            hints.Add($"Hint: the feedforward's inner projection has {stored[0]} rows, not {needed[0]}: Ff.Mult or Ff.Glu differ.");
    }

    /// <summary>The same key under another prefix.</summary>
    /// <param name="hints">Where a hint goes.</param>
    /// <param name="missing">A key of the model that the file lacks, without the prefix.</param>
    /// <param name="prefix">What was put before it.</param>
    /// <param name="reader">The file.</param>
    public static void AddPrefix(List<string> hints, string missing, string prefix, SafetensorsReader reader)
    {
        string? found = reader.Entries.Select(static e => e.Name).FirstOrDefault(
            name => name == missing || name.EndsWith('.' + missing, StringComparison.Ordinal));
        if (found is null)
            return;
        string right = found[..^missing.Length];
        hints.Add(right.Length == 0
            ? $"Hint: the keys have no prefix in the file; leave '{prefix}' out."
            : $"Hint: the keys begin with '{right}'; pass that as the prefix (--prefix {right} on the command line).");
    }

    /// <summary>Keys that only older versions of x-transformers have.</summary>
    public static void AddVersion(List<string> hints, List<string> unexpected)
    {
        if (unexpected.Exists(static name => name.EndsWith("to_out.bias", StringComparison.Ordinal) || name.EndsWith(".beta", StringComparison.Ordinal)))
            hints.Add("Hint: x-transformers before 1.27 had biases that it has no longer; save the checkpoint again with a newer version.");
    }
}
