using System.CommandLine;
using GpuTransformer.Cli.Reporting;

namespace GpuTransformer.Cli;

/// <summary>What a command works with: its parsed options, where to write, and whether to stop.</summary>
internal sealed record Invocation(ParseResult Options, Terminal Terminal, CancellationToken Cancellation)
{
    /// <summary>The value of an option or its default.</summary>
    public T? Get<T>(Option<T> option) => Options.GetValue(option);

    /// <summary>The value of an option that always has one.</summary>
    public T Require<T>(Option<T> option) => Options.GetRequiredValue(option);

    /// <summary>The value of an argument.</summary>
    public T Require<T>(Argument<T> argument) => Options.GetRequiredValue(argument);
}

/// <summary>Ties a command to the method that carries it out.</summary>
internal static class CommandExtensions
{
    /// <summary>Runs <paramref name="body"/> when the command is called.</summary>
    public static Command Runs(this Command command, Func<Invocation, ExitCode> body)
    {
        command.SetAction((parsed, cancellation) =>
        {
            var terminal = new Terminal(parsed.InvocationConfiguration.Output);
            return Task.FromResult((int)body(new Invocation(parsed, terminal, cancellation)));
        });
        return command;
    }
}
