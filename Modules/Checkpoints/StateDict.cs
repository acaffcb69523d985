using System.Runtime.InteropServices;
using System.Text;
using GpuTransformer.Host;

namespace GpuTransformer.Modules;

/// <summary>Loads a checkpoint into a module: strictly, and all or nothing.</summary>
internal static class StateDict
{
    private const int MostListed = 12, LongestListed = 240;

    public static void Load(Module module, SafetensorsReader reader, string prefix)
        => Load([.. module.NamedParameters(), .. module.NamedBuffers()], reader, prefix);

    /// <summary>Loads parameters: everything is read and checked before the first of them changes, whatever the file does meanwhile.</summary>
    /// <param name="parameters">
    /// Keys and tensors. A tied one has several keys; the file may have only one of them, as PyTorch saves shared tensors once.
    /// </param>
    /// <param name="reader">The file.</param>
    /// <param name="prefix">What all keys begin with in the file.</param>
    /// <param name="check">Refuses what cannot be right, given a key and its numbers; null for no more than names, shapes and types.</param>
    public static void Load(
        (string Name, Tensor Value)[] parameters, SafetensorsReader reader, string prefix, Action<string, ReadOnlySpan<float>>? check = null)
    {
        ArgumentNullException.ThrowIfNull(reader);
        ArgumentNullException.ThrowIfNull(prefix);
        Check(parameters, reader, prefix);
        foreach ((string name, Tensor value) in parameters)
            ObjectDisposedException.ThrowIf(value.IsDisposed, name);
        foreach ((Tensor value, float[] numbers) in Stage(parameters, reader, prefix, check))
            value.Write(numbers);
    }

    /// <summary>
    /// Reads all numbers into the host's memory, four bytes each. A device's memory would be the scarcer one; and from here on neither the file nor its disk
    /// can fail.
    /// </summary>
    private static List<(Tensor Value, float[] Numbers)> Stage(
        (string Name, Tensor Value)[] parameters, SafetensorsReader reader, string prefix, Action<string, ReadOnlySpan<float>>? check)
    {
        var staged = new List<(Tensor Value, float[] Numbers)>();
        var first = new Dictionary<Tensor, (string Name, float[] Numbers)>(ReferenceEqualityComparer.Instance);
        try
        {
            foreach ((string name, Tensor value) in parameters.Where(p => reader.Contains(prefix + p.Name)))
            {
                float[] numbers = reader.ReadSingles(prefix + name);
                check?.Invoke(name, numbers);
                if (first.TryAdd(value, (name, numbers)))
                    staged.Add((value, numbers));
                else if (!SameBits(first[value].Numbers, numbers))
                    throw new CheckpointException(
                        $"The model has one tensor for '{first[value].Name}' and '{name}', but '{reader.Path}' holds different numbers for them; "
                        + "nothing was loaded.");
            }
        }
        catch (OutOfMemoryException exception)
        {
            throw new InsufficientMemoryException(
                $"There is not enough memory to read '{reader.Path}' before it is loaded, four bytes for each parameter; nothing was loaded.", exception);
        }

        return staged;
    }

    private static bool SameBits(float[] a, float[] b) => MemoryMarshal.Cast<float, int>(a).SequenceEqual(MemoryMarshal.Cast<float, int>(b));

    private static void Check((string Name, Tensor Value)[] parameters, SafetensorsReader reader, string prefix)
    {
        var expected = new HashSet<string>(parameters.Select(p => prefix + p.Name), StringComparer.Ordinal);
        var present = new HashSet<Tensor>(
            parameters.Where(p => reader.Contains(prefix + p.Name)).Select(static p => p.Value), ReferenceEqualityComparer.Instance);
        List<string> missing = [.. parameters.Where(p => !present.Contains(p.Value)).Select(p => prefix + p.Name)];
        List<string> unexpected =
            [.. reader.Entries.Select(static e => e.Name).Where(name => name.StartsWith(prefix, StringComparison.Ordinal) && !expected.Contains(name))];
        List<string> wrong = [], hints = [];
        foreach ((string name, Tensor value) in parameters)
        {
            if (!reader.Contains(prefix + name))
                continue;
            SafetensorsEntry entry = reader[prefix + name];
            if (entry.Shape != value.Shape)
            {
                wrong.Add($"{entry.Name} is {entry.Shape}, the model needs {value.Shape}");
                CheckpointHints.AddWidth(hints, name, entry.Shape, value.Shape);
            }
            else if (!entry.Type.IsReal())
            {
                wrong.Add($"{entry.Name} is stored as {SafetensorsHeader.Shorten(entry.TypeName)}, the model needs real numbers: F64, F32, F16 or BF16");
            }
        }

        if (missing.Count + unexpected.Count + wrong.Count == 0)
            return;
        if (missing.Count > 0)
            CheckpointHints.AddPrefix(hints, missing[0][prefix.Length..], prefix, reader);
        CheckpointHints.AddVersion(hints, unexpected);
        throw new CheckpointException(Describe(reader.Path, missing, unexpected, wrong, hints));
    }

    private static string Describe(string path, List<string> missing, List<string> unexpected, List<string> wrong, List<string> hints)
    {
        var text = new StringBuilder($"The checkpoint '{path}' does not fit the model; nothing was loaded.");
        Append(text, "missing in the file", missing);
        Append(text, "unexpected in the file", unexpected);
        Append(text, "of another shape", wrong);
        foreach (string hint in hints.Distinct())
            text.Append('\n').Append(hint);
        return text.ToString();
    }

    private static void Append(StringBuilder text, string what, List<string> names)
    {
        if (names.Count == 0)
            return;
        text.Append($"\n  {names.Count} {what}: ").AppendJoin(
            "; ", names.Take(MostListed).Select(static n => n.Length <= LongestListed ? n : n[..LongestListed] + "…"));
        if (names.Count > MostListed)
            text.Append($"; and {names.Count - MostListed} more");
    }
}
