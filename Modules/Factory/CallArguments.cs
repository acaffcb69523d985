using System.Text.Json;
using GpuTransformer.Host;

namespace GpuTransformer.Modules;

/// <summary>
/// The arguments of one call by x-transformers' names: tensors, and constants from JSON. A module takes what it knows and then asks whether anything is left,
/// so that no argument is ever ignored silently.
/// </summary>
public sealed class CallArguments
{
    private readonly Dictionary<string, Tensor> _tensors;
    private readonly Dictionary<string, JsonElement> _constants = [];
    private readonly HashSet<string> _asked = new(StringComparer.Ordinal);

    /// <summary>Arguments for one call.</summary>
    /// <param name="tensors">Tensors by name; those that are null count as not given.</param>
    /// <param name="constants">A JSON object of the other arguments, or nothing.</param>
    /// <exception cref="ArgumentException"><paramref name="constants"/> is something else, or has a key twice or what is no text.</exception>
    public CallArguments(IReadOnlyDictionary<string, Tensor> tensors, JsonElement constants = default)
    {
        ArgumentNullException.ThrowIfNull(tensors);
        _tensors = new Dictionary<string, Tensor>(tensors, StringComparer.Ordinal);
        if (constants.ValueKind is JsonValueKind.Undefined or JsonValueKind.Null)
            return;
        if (constants.ValueKind != JsonValueKind.Object)
            throw new ArgumentException($"The call's arguments are a JSON {constants.ValueKind}, not an object.", nameof(constants));
        JsonInput.Check(constants, "The call's arguments", nameof(constants));
        foreach (JsonProperty constant in constants.EnumerateObject())
        {
            // What is switched off was as good as not given.
            if (constant.Value.ValueKind is not (JsonValueKind.Null or JsonValueKind.False))
                _constants.Add(constant.Name, constant.Value);
        }
    }

    /// <summary>A tensor that must be given.</summary>
    public Tensor Required(string name)
        => Optional(name) ?? throw new ArgumentException($"The input '{name}' is missing; given are: {string.Join(", ", _tensors.Keys)}.", name);

    /// <summary>A tensor that may be given.</summary>
    public Tensor? Optional(string name)
    {
        _asked.Add(name);
        return _tensors.GetValueOrDefault(name);
    }

    /// <summary>A dictionary of tensors that may be given: those named <c>name.key</c>, by their key; null where there is none.</summary>
    public IReadOnlyDictionary<string, Tensor>? OptionalGroup(string name)
    {
        string prefix = name + ".";
        string[] members = [.. _tensors.Keys.Where(key => key.StartsWith(prefix, StringComparison.Ordinal))];
        _asked.UnionWith(members);
        return members.Length == 0 ? null : members.ToDictionary(key => key[prefix.Length..], key => _tensors[key], StringComparer.Ordinal);
    }

    /// <summary>A list of tensors that may be given: those named <c>name.0</c>, <c>name.1</c>, …, in order; null where there is none.</summary>
    public IReadOnlyList<Tensor>? OptionalList(string name) => OptionalGroup(name) is not { } members ? null
        : [.. Enumerable.Range(0, members.Count).Select(i => members.GetValueOrDefault($"{i}")
            ?? throw new ArgumentException($"The list '{name}' has {members.Count} tensors, but '{name}.{i}' is missing.", name))];

    /// <summary>A constant that may be given, as JSON; null where it is not.</summary>
    public JsonElement? OptionalJson(string name)
    {
        _asked.Add(name);
        return _constants.TryGetValue(name, out JsonElement value) ? value : null;
    }

    /// <summary>An integer that may be given.</summary>
    public int? OptionalInt32(string name)
    {
        _asked.Add(name);
        if (!_constants.TryGetValue(name, out JsonElement value))
            return null;
        return value.ValueKind == JsonValueKind.Number && value.TryGetInt32(out int number)
            ? number
            : throw new ArgumentException($"The argument '{name}' is {NearestName.Shorten(value.GetRawText())}, not an integer.", name);
    }

    /// <summary>Whether a flag is given and true.</summary>
    /// <exception cref="ArgumentException">It is neither true nor false.</exception>
    public bool Flag(string name)
    {
        _asked.Add(name);
        if (!_constants.TryGetValue(name, out JsonElement value))
            return false;
        return value.ValueKind == JsonValueKind.True
            ? true
            : throw new ArgumentException($"The argument '{name}' is {NearestName.Shorten(value.GetRawText())}, not true or false.", name);
    }

    /// <summary>Throws if something was given that the module did not ask for.</summary>
    /// <exception cref="UnsupportedOptionException">x-transformers knows it.</exception>
    /// <exception cref="ArgumentException">Nobody knows it.</exception>
    public void CheckAllUsed(string owner)
    {
        foreach (string name in _tensors.Keys.Concat(_constants.Keys))
        {
            if (_asked.Contains(name))
                continue;

            // mems.0 and mems.1 are a list, embed_ids.typ a dictionary.
            string argument = name.Split('.')[0];
            if (UpstreamOptions.CallArguments.Contains(argument))
                throw new UnsupportedOptionException(argument, $"{owner}: the call argument {argument} of x-transformers is not supported.");
            throw new ArgumentException($"{owner} has no call argument '{NearestName.Shorten(name)}'; the nearest is '{NearestName.Of(name, _asked)}'.", name);
        }
    }
}
