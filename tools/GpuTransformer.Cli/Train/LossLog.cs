using System.Globalization;
using GpuTransformer.Modules;

namespace GpuTransformer.Cli.Train;

/// <summary><c>loss.csv</c>: a row for every step, without a gap or a double also when runs are killed and resumed.</summary>
internal sealed class LossLog : IDisposable
{
    private const string Header = "step,loss,gradient_norm,learning_rate,milliseconds";

    private readonly StreamWriter _rows;
    private readonly List<(long Step, double Loss)> _points;

    private LossLog(StreamWriter rows, List<(long Step, double Loss)> points, TimeSpan spent) => (_rows, _points, Spent) = (rows, points, spent);

    /// <summary>The loss of every step so far.</summary>
    public IReadOnlyList<(long Step, double Loss)> Points => _points;

    /// <summary>What all steps so far took.</summary>
    public TimeSpan Spent { get; private set; }

    /// <summary>The last step's loss; NaN before the first.</summary>
    public double LastLoss => _points.Count == 0 ? double.NaN : _points[^1].Loss;

    /// <summary>Opens the file for appending; of earlier rows it keeps those before <paramref name="nextStep"/>.</summary>
    public static LossLog Open(string path, long nextStep)
    {
        var points = new List<(long Step, double Loss)>();
        var kept = new List<string> { Header };
        double milliseconds = 0;
        foreach (string line in nextStep > 0 && File.Exists(path) ? File.ReadAllLines(path) : [])
        {
            // The last row of a killed run may be cut off anywhere; it is of a step that will be taken again.
            string[] cells = line.Split(',');
            if (cells.Length == 5 && long.TryParse(cells[0], CultureInfo.InvariantCulture, out long step) && step < nextStep
                && double.TryParse(cells[1], CultureInfo.InvariantCulture, out double loss)
                && double.TryParse(cells[4], CultureInfo.InvariantCulture, out double took))
            {
                milliseconds += took;
                kept.Add(line);
                points.Add((step, loss));
            }
        }

        AtomicFile.Write(path, stream =>
        {
            using var writer = new StreamWriter(stream, leaveOpen: true);
            kept.ForEach(writer.WriteLine);
        });
        return new LossLog(File.AppendText(path), points, TimeSpan.FromMilliseconds(milliseconds));
    }

    /// <summary>Adds a row.</summary>
    public void Add(in StepResult step)
    {
        _rows.WriteLine(
            string.Create(CultureInfo.InvariantCulture,
                $"{step.Step},{step.Loss:r},{step.GradientNorm:g6},{step.Rate:g6},{step.Duration.TotalMilliseconds:f3}"));
        _points.Add((step.Step, step.Loss));
        Spent += step.Duration;
    }

    /// <summary>Hands all rows to the operating system.</summary>
    public void Flush() => _rows.Flush();

    /// <inheritdoc/>
    public void Dispose() => _rows.Dispose();
}
