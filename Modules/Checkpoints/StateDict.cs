using System.Text;
using GpuTransformer.Host;

namespace GpuTransformer.Modules;

/// <summary>Loads a checkpoint into a module: strictly, and all or nothing.</summary>
internal static class StateDict
{
    private const int MostListed = 12;

    public static void Load(Module module, SafetensorsReader reader, string prefix) => Load([.. module.NamedParameters()], reader, prefix);

    public static void Load((string Name, Tensor Value)[] parameters, SafetensorsReader reader, string prefix)
    {
        Check(parameters, reader, prefix);
        foreach ((string name, Tensor value) in parameters)
            value.Write(reader.ReadSingles(prefix + name));
    }

    private static void Check((string Name, Tensor Value)[] parameters, SafetensorsReader reader, string prefix)
    {
        var expected = new HashSet<string>(parameters.Select(p => prefix + p.Name), StringComparer.Ordinal);
        List<string> missing = [.. expected.Where(name => !reader.Contains(name))];
        List<string> unexpected = [.. reader.Entries.Select(static e => e.Name).Where(name => name.StartsWith(prefix, StringComparison.Ordinal) && !expected.Contains(name))];
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
            else if (!entry.Type.ToDType().IsFloatingPoint())
            {
                wrong.Add($"{entry.Name} holds {entry.Type}, the model needs real numbers");
            }
        }

        if (missing.Count + unexpected.Count + wrong.Count == 0)
            return;
        if (missing.Count > 0 && unexpected.Count > 0)
            CheckpointHints.AddPrefix(hints, missing, unexpected);
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
        text.Append($"\n  {names.Count} {what}: ").AppendJoin("; ", names.Take(MostListed));
        if (names.Count > MostListed)
            text.Append($"; and {names.Count - MostListed} more");
    }
}
