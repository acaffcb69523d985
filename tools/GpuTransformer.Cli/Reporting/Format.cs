using System.Globalization;

namespace GpuTransformer.Cli.Reporting;

/// <summary>Numbers as people read them, the same in every locale.</summary>
internal static class Format
{
    private static readonly string[] Units = ["B", "KiB", "MiB", "GiB", "TiB"];

    /// <summary>4,727,040</summary>
    public static string Count(long value) => value.ToString("N0", CultureInfo.InvariantCulture);

    /// <summary>1.2e-06, or a dash where there is none.</summary>
    public static string Error(double? value) => value is { } v ? v.ToString("0.0e+00", CultureInfo.InvariantCulture) : "-";

    /// <summary>46 %, or a dash where there is none.</summary>
    public static string Share(double? value) => value is { } v && double.IsFinite(v) ? v.ToString("0%", CultureInfo.InvariantCulture) : "-";

    /// <summary>Three digits that matter.</summary>
    public static string Number(double value)
        => value.ToString(Math.Abs(value) >= 100 ? "F0" : Math.Abs(value) >= 10 ? "F1" : Math.Abs(value) >= 1 ? "F2" : "G3", CultureInfo.InvariantCulture);

    /// <summary>18.0 MiB; a dash when unknown (zero).</summary>
    public static string Bytes(long value)
    {
        if (value == 0)
            return "-";
        double scaled = value;
        int unit = 0;
        for (; scaled >= 1024 && unit < Units.Length - 1; unit++)
            scaled /= 1024;
        return scaled.ToString(unit == 0 ? "F0" : "F1", CultureInfo.InvariantCulture) + " " + Units[unit];
    }

    /// <summary>12.3 s</summary>
    public static string Seconds(TimeSpan value) => value.TotalSeconds.ToString("F1", CultureInfo.InvariantCulture) + " s";
}
