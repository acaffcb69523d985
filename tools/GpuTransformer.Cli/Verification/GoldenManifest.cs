using System.Text.Json;
using GpuTransformer.Modules;

namespace GpuTransformer.Cli.Verification;

/// <summary>
/// A folder of golden vectors: <c>manifest.json</c>, and one safetensors file per case holding inputs (<c>input.*</c>), weights (<c>param.*</c>) and the
/// outputs of PyTorch in float32 (<c>output</c>) and float64 (<c>output_f64</c>).
/// </summary>
internal sealed record GoldenManifest(DirectoryInfo Folder, IReadOnlyList<GoldenCase> Cases)
{
    private const string FileName = "manifest.json";

    private static readonly JsonSerializerOptions Options = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        RespectRequiredConstructorParameters = true,
        RespectNullableAnnotations = true,
    };

    /// <summary>Reads the manifest.</summary>
    /// <exception cref="UsageException">There is no such folder, or its manifest is missing, damaged or empty.</exception>
    public static GoldenManifest Read(DirectoryInfo folder)
    {
        if (!folder.Exists)
            throw new UsageException($"There is no folder '{folder.FullName}'.");
        string path = Path.Combine(folder.FullName, FileName);
        if (!File.Exists(path))
            throw new UsageException($"'{folder.FullName}' has no {FileName}: not a folder of golden vectors.");
        try
        {
            JsonElement root = JsonInput.Read(path);
            if (root.ValueKind != JsonValueKind.Object || !root.TryGetProperty("cases", out JsonElement list) || list.ValueKind != JsonValueKind.Array
                || list.GetArrayLength() == 0)
                throw new UsageException($"{path} lists no cases: it must be an object whose 'cases' is a list of them.");
            return new GoldenManifest(folder, [.. list.EnumerateArray().Select((element, i) => ReadCase(path, element, i))]);
        }
        catch (InvalidDataException exception)
        {
            throw new UsageException($"{path} is damaged: {exception.Message}");
        }
    }

    private static GoldenCase ReadCase(string path, JsonElement element, int index)
    {
        try
        {
            GoldenCase? golden = element.ValueKind == JsonValueKind.Object ? element.Deserialize<GoldenCase>(Options) : null;
            if (golden is null)
                throw new UsageException($"{path} is damaged: case {index} is a JSON {element.ValueKind}, not an object.");
            if (golden.Problem() is { } problem)
                throw new UsageException($"{path} is damaged: case {index}, '{golden.Name}', {problem}.");
            return golden;
        }
        catch (JsonException exception)
        {
            throw new UsageException($"{path} is damaged: case {index}: {exception.Message}");
        }
    }
}

/// <summary>One case of the manifest: the module to build, how to call it, and where its tensors are.</summary>
/// <param name="Name">family__variation.</param>
/// <param name="File">Its safetensors file, in the same folder.</param>
/// <param name="Family">The group it is counted in.</param>
/// <param name="Class">The Python class, <c>scaled_dot_product_attention</c>, or <c>function</c> for tables.</param>
/// <param name="Kwargs">The constructor's keyword arguments.</param>
/// <param name="CtorArgs">Positional constructor arguments: modules that a wrapper wraps.</param>
/// <param name="Args">Inputs passed by position.</param>
/// <param name="TensorKwargs">Inputs passed by keyword.</param>
/// <param name="CallKwargs">Call options that are not tensors.</param>
/// <param name="InputDtype">f32, f16 or bf16 for scaled_dot_product_attention.</param>
/// <param name="Accuracy">PyTorch's own errors, where it does not store its output.</param>
/// <param name="Fp32VsFp64">How far PyTorch's float32 run is from its float64 run.</param>
/// <param name="GradStats">Facts about parameter gradients of which the file keeps samples only.</param>
/// <param name="Sha256">Of the file.</param>
internal sealed record GoldenCase(
    string Name,
    string File,
    string Family,
    string Class,
    JsonElement Kwargs,
    JsonElement? CtorArgs = null,
    IReadOnlyList<string>? Args = null,
    IReadOnlyList<string>? TensorKwargs = null,
    JsonElement? CallKwargs = null,
    string? InputDtype = null,
    JsonElement? Accuracy = null,
    JsonElement? Fp32VsFp64 = null,
    JsonElement? GradStats = null,
    string? Sha256 = null)
{
    /// <summary>What is wrong with the case itself, whatever its file holds; null for nothing.</summary>
    public string? Problem()
    {
        if (Path.GetFileName(File) != File || File is "" or "." or ".." || File.Contains('\0', StringComparison.Ordinal))
            return $"names the file '{File}', which is not in the folder";
        if (Kwargs.ValueKind != JsonValueKind.Object)
            return $"has 'kwargs' that are a JSON {Kwargs.ValueKind}, not an object";
        if (CtorArgs is { ValueKind: not (JsonValueKind.Array or JsonValueKind.Null) } positional)
            return $"has 'ctor_args' that are a JSON {positional.ValueKind}, not a list";
        if (CallKwargs is { ValueKind: not (JsonValueKind.Object or JsonValueKind.Null) } call)
            return $"has 'call_kwargs' that are a JSON {call.ValueKind}, not an object";
        List<string?> inputs = [.. Args ?? [], .. TensorKwargs ?? []];
        if (inputs.Contains(null))
            return "has an input without a name";
        return inputs.Distinct().Count() < inputs.Count ? "has an input twice" : null;
    }

    /// <summary>By how much PyTorch's float32 <c>output</c> or <c>grad.input.…</c> differs from its float64 one, where the manifest says.</summary>
    public double? PlainError(string tensor) => Figure(Fp32VsFp64, "fp32_vs_fp64", tensor, "max_abs_diff");

    /// <summary>A number two levels inside a part of the manifest, where it says one.</summary>
    /// <exception cref="UsageException">There is something else in its place.</exception>
    public double? Figure(JsonElement? part, string partName, string outer, string inner)
    {
        if (part is not { ValueKind: not JsonValueKind.Null } statistics)
            return null;
        if (statistics.ValueKind != JsonValueKind.Object)
            throw new UsageException($"{Name}: '{partName}' is a JSON {statistics.ValueKind}, not an object.");
        if (!statistics.TryGetProperty(outer, out JsonElement figures))
            return null;
        if (figures.ValueKind != JsonValueKind.Object || !figures.TryGetProperty(inner, out JsonElement figure))
            return figures.ValueKind == JsonValueKind.Object && partName == "accuracy"
                ? null
                : throw new UsageException($"{Name}: '{partName}' has no number '{inner}' for '{outer}'.");
        if (figure.ValueKind != JsonValueKind.Number || !(figure.GetDouble() is >= 0 and var number))
            throw new UsageException($"{Name}: '{inner}' of '{outer}' in '{partName}' is {figure.GetRawText()}, but it must be a number that is not negative.");
        return number;
    }

    /// <summary>Whether an argument of the call or the constructor is true.</summary>
    public bool Flag(string name) => Find(name) is { ValueKind: JsonValueKind.True };

    /// <summary>The number that an argument of the call or the constructor is, or null.</summary>
    public double? Number(string name) => Find(name) is { ValueKind: JsonValueKind.Number } number ? number.GetDouble() : null;

    // What the call says overrides what the constructor was told.
    private JsonElement? Find(string name)
        => CallKwargs is { ValueKind: JsonValueKind.Object } call && call.TryGetProperty(name, out JsonElement argument) ? argument
        : Kwargs.TryGetProperty(name, out JsonElement option) ? option
        : null;
}
