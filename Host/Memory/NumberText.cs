using System.Globalization;

namespace GpuTransformer.Host;

/// <summary>Real numbers in writing, all of one width, by PyTorch's rules: what the finite ones that are not zero need decides for all.</summary>
internal static class NumberText
{
    /// <summary>
    /// Four decimals; integers with a point; or powers of ten where the largest is over a thousand times the smallest or over 1e8, or where the smallest is
    /// below 1e-4. The width is that of the finite numbers that are not zero: PyTorch breaks lines by it.
    /// </summary>
    public static (string[] Cells, int Width) Align(float[] values)
    {
        float[] telling = Array.FindAll(values, static v => v != 0 && float.IsFinite(v));
        double largest = telling.Select(static v => Math.Abs((double)v)).DefaultIfEmpty().Max();
        double least = telling.Select(static v => Math.Abs((double)v)).DefaultIfEmpty(1).Min();
        bool isWhole = Array.TrueForAll(telling, static v => v == MathF.Ceiling(v));
        bool isScientific = largest / least > 1000 || largest > 1e8 || (!isWhole && least < 1e-4);
        int width = telling.Length == 0 ? 1 : telling.Max(v => Write(v, isWhole, isScientific).Length);
        return (Array.ConvertAll(values, v => Write(v, isWhole, isScientific).PadLeft(width)), width);
    }

    private static string Write(float value, bool isWhole, bool isScientific)
    {
        if (!float.IsFinite(value))
            return float.IsNaN(value) ? "nan" : value < 0 ? "-inf" : "inf";
        if (isScientific)
            return Scientific(value);
        return isWhole ? ((double)value).ToString("F0", CultureInfo.InvariantCulture) + "." : Fixed(value);
    }

    // What lies halfway between two texts is written with an even last digit, as in C; .NET rounds it away from zero. With four decimals, odd multiples of 1/32
    // are such halves.
    private static string Fixed(double value)
        => Math.Abs(value * 32 % 2) == 1
            ? Math.Round((decimal)value, 4, MidpointRounding.ToEven).ToString("F4", CultureInfo.InvariantCulture)
            : value.ToString("F4", CultureInfo.InvariantCulture);

    private static string Scientific(double value)
    {
        // Sign, digit, point, decimals, E, sign, three digits: more decimals than a half can have before it ends.
        string exact = value.ToString("E60", CultureInfo.InvariantCulture), rounded = value.ToString("E4", CultureInfo.InvariantCulture);
        int point = exact.IndexOf('.'), end = exact.IndexOf('E');
        bool isHalf = exact[point + 5] == '5' && exact.AsSpan(point + 6, end - point - 6).TrimEnd('0').IsEmpty, isEven = (exact[point + 4] - '0') % 2 == 0;
        string text = isHalf && isEven ? exact[..(point + 5)] + exact[end..] : rounded;
        int exponent = int.Parse(text.AsSpan(text.IndexOf('E') + 1), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture);
        return $"{text[..text.IndexOf('E')]}e{(exponent < 0 ? '-' : '+')}{Math.Abs(exponent):00}";
    }
}
