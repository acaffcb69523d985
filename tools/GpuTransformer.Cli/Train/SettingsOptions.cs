using System.CommandLine;
using System.CommandLine.Parsing;
using System.ComponentModel;
using System.Globalization;
using System.Reflection;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace GpuTransformer.Cli.Train;

/// <summary>One option for every described property of a settings record, and the way from defaults, file and options to the settings.</summary>
internal sealed class SettingsOptions<TSettings>
    where TSettings : TrainingSettings, new()
{
    private readonly List<(string Name, Option<JsonNode?> Option)> _options = [];

    public SettingsOptions()
    {
        var defaults = new TSettings();
        foreach (PropertyInfo property in typeof(TSettings).GetProperties())
        {
            if (property.GetCustomAttribute<DescriptionAttribute>() is { } described)
                _options.Add((SettingsJson.Name(property), Create(property, described.Description, property.GetValue(defaults))));
        }
    }

    /// <summary>The options, in the order of the record.</summary>
    public IEnumerable<Option> Options => _options.Select(static o => o.Option);

    /// <summary>The settings: an option before the file, the file before the default.</summary>
    /// <exception cref="UsageException">The file is no configuration of this command, or the settings contradict each other.</exception>
    public TSettings Read(Invocation invocation, FileInfo? file)
    {
        JsonObject values = file is null ? [] : SettingsJson.ReadObject(file);
        foreach ((string name, Option<JsonNode?> option) in _options)
        {
            if (invocation.Get(option) is { } value)
                values[name] = value.DeepClone();
        }

        TSettings settings = Deserialize(values, file);
        settings.Check();
        return settings;
    }

    /// <summary>The settings of a file alone.</summary>
    /// <exception cref="UsageException">It is no configuration of this command.</exception>
    public static TSettings ReadFile(FileInfo file) => Deserialize(SettingsJson.ReadObject(file), file);

    private static TSettings Deserialize(JsonObject values, FileInfo? file)
    {
        try
        {
            return values.Deserialize<TSettings>(SettingsJson.Options)!;
        }
        catch (JsonException exception)
        {
            // Options were checked one by one, so it is the file.
            throw new UsageException($"'{file?.FullName}' is no configuration of this command: {exception.Message}");
        }
    }

    private static Option<JsonNode?> Create(PropertyInfo property, string description, object? value)
    {
        Type type = Nullable.GetUnderlyingType(property.PropertyType) ?? property.PropertyType;
        string name = $"--{SettingsJson.Name(property).Replace('_', '-')}";
        return new Option<JsonNode?>(name)
        {
            Description = value is null
                ? description
                : string.Create(CultureInfo.InvariantCulture, $"{description} (default {(type.IsEnum ? SettingsJson.Name(value) : value)})"),
            HelpName = type.IsEnum ? string.Join(
                '|',
                Enum.GetValues(type).Cast<object>().Select(SettingsJson.Name)) : type == typeof(int) ? "N" : type == typeof(double) ? "X" : type == typeof(bool)
                    ? "true|false" : "TEXT",
            CustomParser = result => Parse(result, name, type),
        };
    }

    private static JsonNode? Parse(ArgumentResult result, string name, Type type)
    {
        string text = result.Tokens[0].Value;
        JsonNode? value = null;
        if (type == typeof(string))
            value = text;
        else if (type == typeof(int) && int.TryParse(text, CultureInfo.InvariantCulture, out int whole))
            value = whole;
        else if (type == typeof(double) && double.TryParse(text, CultureInfo.InvariantCulture, out double real) && double.IsFinite(real))
            value = real;
        else if (type == typeof(bool) && bool.TryParse(text, out bool flag))
            value = flag;
        else if (type.IsEnum)
            value = Enum.GetValues(type).Cast<object>().Select(SettingsJson.Name).FirstOrDefault(
                known => Plain(known).Equals(Plain(text), StringComparison.OrdinalIgnoreCase));
        if (value is null)
            result.AddError($"{name}: '{text}' is not {Wanted(type)}.");
        return value;
    }

    private static string Wanted(Type type) => type.IsEnum ? $"one of {string.Join(", ", Enum.GetValues(type).Cast<object>().Select(SettingsJson.Name))}"
        : type == typeof(int) ? $"a whole number from {int.MinValue} to {int.MaxValue}"
        : type == typeof(double) ? "a finite number"
        : "true or false";

    // cross_attending, cross-attending and CrossAttending are one word.
    private static string Plain(string text) => text.Replace("-", string.Empty, StringComparison.Ordinal).Replace("_", string.Empty, StringComparison.Ordinal);
}
