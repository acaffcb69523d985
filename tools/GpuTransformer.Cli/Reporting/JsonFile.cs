using System.Text.Json;
using System.Text.Json.Serialization;
using GpuTransformer.Modules;

namespace GpuTransformer.Cli.Reporting;

/// <summary>Reports for machines: snake_case names, enumerations as words.</summary>
internal static class JsonFile
{
    private static readonly JsonSerializerOptions Options = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        WriteIndented = true,
        Converters = { new JsonStringEnumConverter(JsonNamingPolicy.KebabCaseLower) },
        Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };

    /// <summary>Writes <paramref name="report"/> to <paramref name="file"/>; does nothing when no file was asked for.</summary>
    public static void Write<T>(FileInfo? file, T report)
    {
        if (file is null)
            return;
        AtomicFile.Write(file.FullName, stream =>
        {
            JsonSerializer.Serialize(stream, report, Options);
            stream.WriteByte((byte)'\n');
        });
    }
}
