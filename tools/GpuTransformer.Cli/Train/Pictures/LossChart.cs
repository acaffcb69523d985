namespace GpuTransformer.Cli.Train.Pictures;

/// <summary><c>loss.png</c>: the loss of every step, pale, and its mean over a hundredth of the run, dark.</summary>
internal static class LossChart
{
    private const int Width = 800, Height = 480, Left = 64, Right = 24, Top = 24, Bottom = 40;
    private const int White = 0xffffff, Grid = 0xe4e4e4, Ink = 0x404040, Pale = 0xb8cde6, Dark = 0x1f4e8c;

    /// <summary>Draws the losses that are finite; nothing is written while there are none.</summary>
    public static void Write(string path, IReadOnlyList<(long Step, double Loss)> points)
    {
        List<(double X, double Y)> finite = [.. points.Where(static p => double.IsFinite(p.Loss)).Select(static p => (p.Step + 1.0, p.Loss))];
        if (finite.Count > 0)
            Draw(finite).Save(path);
    }

    /// <summary>The chart of some points, the first coordinate rising.</summary>
    public static Canvas Draw(IReadOnlyList<(double X, double Y)> points)
    {
        var canvas = new Canvas(Width, Height, White);
        AxisScale across = AxisScale.Of(points[0].X, points[^1].X) with { Logarithmic = false }, up = AxisScale.Of(
            points.Min(static p => p.Y), points.Max(static p => p.Y));
        double X(double step) => Left + across.Place(step) * (Width - Left - Right);
        double Y(double loss) => Height - Bottom - up.Place(loss) * (Height - Top - Bottom);

        foreach ((double value, string text) in across.Ticks(8))
        {
            canvas.Line(X(value), Top, X(value), Height - Bottom, Grid);
            canvas.Text((int)X(value) - text.Length * Glyphs.Advance / 2, Height - Bottom + 8, text, Ink);
        }

        foreach ((double value, string text) in up.Ticks(8))
        {
            canvas.Line(Left, Y(value), Width - Right, Y(value), Grid);
            canvas.Text(Left - 6 - text.Length * Glyphs.Advance, (int)Y(value) - Glyphs.Height / 2, text, Ink);
        }

        Curve(canvas, points, X, Y, Pale, brush: 1);
        Curve(canvas, Smooth(points), X, Y, Dark, brush: 2);
        canvas.Line(Left, Top, Left, Height - Bottom, Ink);
        canvas.Line(Left, Height - Bottom, Width - Right, Height - Bottom, Ink);
        canvas.Text(Left, Top - 14, "loss", Ink);
        canvas.Text(Width - Right - 4 * Glyphs.Advance, Height - Bottom + 24, "step", Ink);
        return canvas;
    }

    private static void Curve(Canvas canvas, IReadOnlyList<(double X, double Y)> points, Func<double, double> x, Func<double, double> y, int colour, int brush)
    {
        for (int i = 1; i < points.Count; i++)
            canvas.Line(x(points[i - 1].X), y(points[i - 1].Y), x(points[i].X), y(points[i].Y), colour, brush);
    }

    private static List<(double X, double Y)> Smooth(IReadOnlyList<(double X, double Y)> points)
    {
        int window = Math.Max(1, points.Count / 100);
        var means = new List<(double X, double Y)>();
        double sum = 0;
        for (int i = 0; i < points.Count; i++)
        {
            sum += points[i].Y - (i >= window ? points[i - window].Y : 0);
            if (i + 1 >= window)
                means.Add((points[i].X, sum / window));
        }

        return means;
    }
}
