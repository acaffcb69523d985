using System.Globalization;

namespace GpuTransformer.Cli.Train.Pictures;

/// <summary>Where a number lies along an axis, from 0 to 1, and which numbers to write beside it.</summary>
internal sealed record AxisScale(double Low, double High, bool Logarithmic)
{
    // Beyond this ratio a linear axis shows the first steps and nothing else.
    private const double LogarithmicFrom = 4;

    /// <summary>A scale that holds all of the numbers; logarithmic where they are positive and of very different size.</summary>
    public static AxisScale Of(double low, double high)
    {
        if (!(high > low))
            (low, high) = (low - Math.Max(1e-9, Math.Abs(low) / 10), low + Math.Max(1e-9, Math.Abs(low) / 10));
        return new AxisScale(low, high, low > 0 && high / low > LogarithmicFrom);
    }

    public double Place(double value) => Logarithmic ? Math.Log(value / Low) / Math.Log(High / Low) : (value - Low) / (High - Low);

    /// <summary>Round numbers within the scale: multiples of 1, 2 or 5 times a power of ten.</summary>
    public IEnumerable<(double Value, string Text)> Ticks(int about)
    {
        if (Logarithmic)
            return LogarithmicTicks();
        double rough = (High - Low) / about, power = Math.Pow(10, Math.Floor(Math.Log10(rough)));
        double step = power * (rough / power) switch { < 1.5 => 1, < 3.5 => 2, < 7.5 => 5, _ => 10 };
        int decimals = Math.Clamp(-(int)Math.Floor(Math.Log10(step) + 1e-9), 0, 9);
        return from i in Enumerable.Range(0, 1 + (int)Math.Floor((High - Math.Ceiling(Low / step) * step) / step + 1e-9))
               let value = (Math.Ceiling(Low / step) + i) * step
               select (value, value.ToString($"n{decimals}", CultureInfo.InvariantCulture));
    }

    private IEnumerable<(double Value, string Text)> LogarithmicTicks()
    {
        int first = (int)Math.Floor(Math.Log10(Low)), last = (int)Math.Ceiling(Math.Log10(High));
        int[] factors = last - first > 4 ? [1] : [1, 2, 5];
        return from power in Enumerable.Range(first, last - first + 1)
               from factor in factors
               let value = factor * Math.Pow(10, power)
               where value >= Low && value <= High
               select (value, value.ToString(Math.Abs(power) > 3 ? "0e-0" : "0.####", CultureInfo.InvariantCulture));
    }
}
