using System.Collections;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace GpuTransformer.Modules;

/// <summary>Options whose JSON is a list with one value for each layer.</summary>
internal static class PerLayerOptions
{
    /// <summary>Whether a list is one value for each layer, and not a value that is a list.</summary>
    /// <exception cref="UnsupportedOptionException">It is, but the option has one value for all layers.</exception>
    public static bool Is(JsonElement value, OptionName option, OptionNames offered, string owner)
    {
        bool takesList = option.Property.PropertyType != typeof(string) && typeof(IEnumerable).IsAssignableFrom(option.Property.PropertyType);
        if (value.ValueKind != JsonValueKind.Array || takesList)
            return false;
        return offered.Each.ContainsKey(option.Path[0]) && value.GetArrayLength() > 0
            ? true
            : throw new UnsupportedOptionException(
                option.Name, $"{owner}: {option.Name} is given as a list, one value per layer; here an option has one value for all layers.");
    }

    /// <summary>Puts the lists where the options record has them: of each record inside, as many copies as a list has values.</summary>
    public static void AddTo(JsonObject tree, OptionNames names, Dictionary<string, JsonElement> lists)
    {
        foreach (IGrouping<string, OptionName> group in lists.Keys.Select(name => names[name]!).GroupBy(static o => o.Path[0]))
        {
            OptionName[] options = [.. group];
            if (options[0].Path.Length == 1)
            {
                tree[names.Each[group.Key]] = JsonNode.Parse(lists[options[0].Name].GetRawText());
                continue;
            }

            int count = lists[options[0].Name].GetArrayLength();
            if (options.FirstOrDefault(o => lists[o.Name].GetArrayLength() != count) is { } other)
                throw new ArgumentException(
                    $"{other.Name} has {lists[other.Name].GetArrayLength()} values and {options[0].Name} {count}; each needs one for each layer of the kind.",
                    other.Name);
            tree[names.Each[group.Key]] = new JsonArray([.. Enumerable.Range(0, count).Select(i => Layer(tree[group.Key] as JsonObject, options, lists, i))]);
        }
    }

    /// <summary>Writes what differs between the layers as lists.</summary>
    public static void Write(JsonObject flat, JsonNode all, OptionNames names)
    {
        foreach ((string key, string each) in names.Each)
        {
            if (all[each] is not JsonArray layers)
                continue;
            foreach (OptionName option in names.All.Where(o => o.Path[0] == key))
            {
                JsonNode?[] values = [.. layers.Select(layer => option.Path.Length == 1 ? layer : layer![option.Path[1]])];
                JsonNode? common = option.Path.Length == 1 ? all[key] : all[key]?[option.Path[1]];
                if (!values.All(value => JsonNode.DeepEquals(value, common)))
                    flat[option.Name] = new JsonArray([.. values.Select(static value => value?.DeepClone())]);
            }
        }
    }

    private static JsonObject Layer(JsonObject? common, OptionName[] options, Dictionary<string, JsonElement> lists, int index)
    {
        JsonObject layer = common is null ? [] : (JsonObject)common.DeepClone();
        foreach (OptionName option in options)
            layer[option.Path[1]] = JsonNode.Parse(lists[option.Name][index].GetRawText());
        return layer;
    }
}
