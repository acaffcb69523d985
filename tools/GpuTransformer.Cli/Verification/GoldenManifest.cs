using System.Text.Json;

namespace GpuTransformer.Cli.Verification;

/// <summary>
/// A folder of golden vectors: <c>manifest.json</c>, and one safetensors file per case holding inputs (<c>input.*</c>), weights (<c>param.*</c>) and the outputs
/// of PyTorch in float32 (<c>output</c>) and float64 (<c>output_f64</c>).
/// </summary>
internal sealed record GoldenManifest(DirectoryInfo Folder, IReadOnlyList<GoldenCase> Cases)
{
    private const string FileName = "manifest.json";

    private static readonly JsonSerializerOptions Options = new() { PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower, RespectRequiredConstructorParameters = true };

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
            GoldenCase[]? cases = JsonSerializer.Deserialize<JsonElement>(File.ReadAllText(path)).TryGetProperty("cases", out JsonElement list) ? list.Deserialize<GoldenCase[]>(Options) : null;
            if (cases is not { Length: > 0 })
                throw new UsageException($"{path} lists no cases.");
            if (cases.FirstOrDefault(static c => Path.GetFileName(c.File) != c.File) is { } outside)
                throw new UsageException($"{path}: case '{outside.Name}' names the file '{outside.File}', which is not in the folder.");
            return new GoldenManifest(folder, cases);
        }
        catch (Exception exception) when (exception is JsonException or InvalidOperationException)
        {
            throw new UsageException($"{path} is damaged: {exception.Message}");
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
    /// <summary>By how much PyTorch's float32 <c>output</c> or <c>grad.input.…</c> differs from its float64 one, where the manifest says.</summary>
    public double? PlainError(string tensor)
        => Fp32VsFp64 is { ValueKind: JsonValueKind.Object } errors && errors.TryGetProperty(tensor, out JsonElement error) ? error.GetProperty("max_abs_diff").GetDouble() : null;

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
