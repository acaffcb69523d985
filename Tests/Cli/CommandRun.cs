using System.Text.Json;
using GpuTransformer.Cli;

namespace GpuTransformer.Tests;

/// <summary>One call of the command line, in this process.</summary>
internal sealed record CommandRun(int ExitCode, string Output, string Error)
{
    public static async Task<CommandRun> Of(params IReadOnlyList<string> arguments) => await Of(CancellationToken.None, arguments);

    public static async Task<CommandRun> Of(CancellationToken cancellation, params IReadOnlyList<string> arguments)
    {
        using StringWriter output = new(), error = new();
        int code = await CommandLine.RunAsync(arguments, output, error, cancellation);
        return new CommandRun(code, output.ToString(), error.ToString());
    }

    /// <summary>Calls a command with <c>--json</c> added and returns the report with it.</summary>
    public static async Task<(CommandRun Run, JsonElement Report)> WithJson(params IReadOnlyList<string> arguments)
    {
        string file = Path.GetTempFileName();
        try
        {
            CommandRun run = await Of([.. arguments, "--json", file]);
            return (run, JsonSerializer.Deserialize<JsonElement>(await File.ReadAllTextAsync(file)));
        }
        finally
        {
            File.Delete(file);
        }
    }

    /// <summary>The process says <paramref name="expected"/>, and a wrong one shows what was written.</summary>
    public CommandRun Exits(ExitCode expected)
    {
        Assert.AreEqual((int)expected, ExitCode, $"stdout:\n{Output}\nstderr:\n{Error}");
        return this;
    }

    /// <summary>It is written for people to read.</summary>
    public void Says(string text) => StringAssert.Contains(Output, text, StringComparison.Ordinal);

    /// <summary>An error of the caller's: told on stderr in words, with no stack trace, and each of <paramref name="parts"/> in it.</summary>
    public void ComplainsAbout(params IReadOnlyList<string> parts)
    {
        foreach (string part in parts)
            StringAssert.Contains(Error, part, StringComparison.Ordinal);
        Assert.IsFalse(Error.Contains("   at ", StringComparison.Ordinal), $"A stack trace:\n{Error}");
    }
}
