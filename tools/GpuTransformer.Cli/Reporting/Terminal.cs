using System.Globalization;
using Spectre.Console;

namespace GpuTransformer.Cli.Reporting;

/// <summary>
/// Human output: tables, and progress bars while something runs. Redirected to a file or a pipe it is plain text without bars, colours or line wrapping.
/// </summary>
internal sealed class Terminal
{
    private readonly IAnsiConsole _console;
    private readonly TextWriter _output;
    private bool _isLive;

    public Terminal(TextWriter output)
    {
        _output = output;
        IsInteractive = ReferenceEquals(output, Console.Out) && !Console.IsOutputRedirected;
        _console = AnsiConsole.Create(new AnsiConsoleSettings
        {
            Out = new AnsiConsoleOutput(output),
            Ansi = IsInteractive ? AnsiSupport.Detect : AnsiSupport.No,
            Interactive = IsInteractive ? InteractionSupport.Detect : InteractionSupport.No,
        });
        if (!IsInteractive)
            _console.Profile.Width = 10_000;
    }

    /// <summary>Whether a person is watching.</summary>
    public bool IsInteractive { get; }

    /// <summary>Writes a line as it is.</summary>
    public void Line(string text = "")
    {
        // While a table renews itself, its console must know of every line, or it paints over it.
        if (_isLive)
            _console.WriteLine(text);
        else
            _output.WriteLine(text);
    }

    /// <summary>Writes text as it is, at once and without an end of line.</summary>
    public void Text(string text)
    {
        _output.Write(text);
        _output.Flush();
    }

    /// <summary>Writes a table; columns whose header starts with '#' hold numbers and are aligned to the right.</summary>
    public void Table(IReadOnlyList<string> headers, IEnumerable<IReadOnlyList<string>> rows)
    {
        Table table = CreateTable(headers);
        foreach (IReadOnlyList<string> row in rows)
            table.AddRow([.. row.Select(Markup.Escape)]);
        if (IsInteractive)
        {
            _console.Write(table);
            return;
        }

        // Spectre pads every line to the width of the table.
        using var text = new StringWriter(CultureInfo.InvariantCulture);
        IAnsiConsole plain = AnsiConsole.Create(
            new AnsiConsoleSettings { Out = new AnsiConsoleOutput(text), Ansi = AnsiSupport.No, ColorSystem = ColorSystemSupport.NoColors });
        plain.Profile.Width = _console.Profile.Width;
        plain.Write(table);
        foreach (string line in text.ToString().TrimEnd().Split('\n'))
            _output.WriteLine(line.TrimEnd());
    }

    /// <summary>
    /// Does <paramref name="total"/> steps of work. <paramref name="body"/> is given a function to call after each step with what the step was, which
    /// moves the bar of an interactive terminal and writes nothing elsewhere.
    /// </summary>
    public void Progress(string title, int total, Action<Action<string>> body)
    {
        if (!IsInteractive)
        {
            body(static _ => { });
            return;
        }

        _console.Progress().AutoClear(true).HideCompleted(true).Start(context =>
        {
            ProgressTask task = context.AddTask(Markup.Escape(title), maxValue: Math.Max(1, total));
            body(step =>
            {
                task.Description = Markup.Escape($"{title} {step}");
                task.Increment(1);
            });
        });
    }

    /// <summary>
    /// Runs <paramref name="body"/> with a function that shows one row of numbers in place of the last one. The function is null where nobody watches.
    /// </summary>
    public void Live(IReadOnlyList<string> headers, Action<Action<IReadOnlyList<string>>?> body)
    {
        if (!IsInteractive)
        {
            body(null);
            return;
        }

        _console.Live(CreateTable(headers)).Start(context =>
        {
            _isLive = true;
            try
            {
                body(row => context.UpdateTarget(CreateTable(headers).AddRow([.. row.Select(Markup.Escape)])));
            }
            finally
            {
                _isLive = false;
            }
        });
    }

    private Table CreateTable(IReadOnlyList<string> headers)
    {
        var table = new Table { Border = IsInteractive ? TableBorder.Simple : TableBorder.None };
        foreach (string header in headers)
        {
            bool isNumber = header.StartsWith('#');
            var column = new TableColumn(Markup.Escape(header.TrimStart('#'))) { NoWrap = isNumber };
            table.AddColumn(isNumber ? column.RightAligned() : column);
        }

        return table;
    }
}
