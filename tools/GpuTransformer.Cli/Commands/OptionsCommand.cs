using System.CommandLine;
using GpuTransformer.Cli.Reporting;

namespace GpuTransformer.Cli.Commands;

/// <summary><c>options</c>: every option of x-transformers, ours or why not, as docs/options.md has it.</summary>
internal static class OptionsCommand
{
    public static Command Create()
    {
        Option<FileInfo?> output = SharedOptions.OutputFile("--output", "write to this file instead of the terminal");
        return new Command(
            "options",
            "List every option of x-transformers: its name here, default, range and meaning, or why it is not here. Markdown: docs/options.md.") { output }
            .Runs(invocation => Run(invocation, invocation.Get(output)));
    }

    private static ExitCode Run(Invocation invocation, FileInfo? output)
    {
        string text = OptionsDocument.Write();
        if (output is null)
            invocation.Terminal.Line(text.TrimEnd());
        else
            File.WriteAllText(output.FullName, text);
        return ExitCode.Pass;
    }
}
