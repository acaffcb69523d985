using System.CommandLine;
using GpuTransformer.Cli.Reporting;

namespace GpuTransformer.Cli;

/// <summary>What a command works with: its parsed options, where to write, and whether to stop.</summary>
internal sealed record Invocation(ParseResult Options, Terminal Terminal, StopRequest Stop)
{
    /// <summary>Is cancelled when the command is to stop.</summary>
    public CancellationToken Cancellation => Stop.Token;

    /// <summary>The value of an option or its default.</summary>
    public T? Get<T>(Option<T> option) => Options.GetValue(option);

    /// <summary>The value of an option that always has one.</summary>
    public T Require<T>(Option<T> option) => Options.GetRequiredValue(option);

    /// <summary>The value of an argument.</summary>
    public T Require<T>(Argument<T> argument) => Options.GetRequiredValue(argument);

    /// <summary>An argument that may be left out.</summary>
    public T? Get<T>(Argument<T> argument) => Options.GetValue(argument);
}

/// <summary>How a command is invoked, and how it is told to stop.</summary>
internal sealed class StoppableInvocation(StopRequest stop) : InvocationConfiguration
{
    /// <summary>Ctrl-C.</summary>
    public StopRequest Stop => stop;
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
            StopRequest stop = parsed.InvocationConfiguration is StoppableInvocation own ? own.Stop : new StopRequest(cancellation);
            return Task.FromResult((int)body(new Invocation(parsed, terminal, stop)));
        });
        return command;
    }
}
