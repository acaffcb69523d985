using System.Globalization;

namespace GpuTransformer.Host;

/// <summary>What a device id such as <c>cuda:1</c> asks for; the default asks for the best device.</summary>
internal readonly record struct DeviceRequest(DeviceKind? Kind, int? Ordinal)
{
    /// <summary>Reads an id; null asks for the best device.</summary>
    /// <exception cref="DeviceNotFoundException">It is no device id.</exception>
    public static DeviceRequest Parse(string? id)
    {
        if (id is null)
            return default;
        string[] parts = id.Trim().ToLowerInvariant().Split(':');
        DeviceKind? kind = parts[0] switch
        {
            "cuda" => DeviceKind.Cuda,
            "opencl" => DeviceKind.OpenCl,
            "cpu" => DeviceKind.Cpu,
            "simulator" => DeviceKind.Simulator,
            _ => null,
        };
        int? ordinal = null;
        bool hasNumber = parts.Length == 2 && kind is DeviceKind.Cuda or DeviceKind.OpenCl;
        if (hasNumber && int.TryParse(parts[1], NumberStyles.None, CultureInfo.InvariantCulture, out int number))
            ordinal = number;
        if (kind is null || (parts.Length > 1 && ordinal is null))
            throw new DeviceNotFoundException($"'{id}' is no device id. Ids are cpu, cuda, cuda:N, opencl, opencl:N (N = 0, 1, 2, …) and simulator.");
        return new DeviceRequest(kind, ordinal);
    }

    /// <summary>How a kind is written in an id.</summary>
    public static string Word(DeviceKind kind) => kind switch
    {
        DeviceKind.Cuda => "cuda",
        DeviceKind.OpenCl => "opencl",
        DeviceKind.Cpu => "cpu",
        _ => "simulator",
    };

    /// <inheritdoc/>
    public override string ToString() => Kind is not { } kind ? "best"
        : Ordinal is { } ordinal ? string.Create(CultureInfo.InvariantCulture, $"{Word(kind)}:{ordinal}")
        : Word(kind);
}
