using System.CommandLine;
using System.CommandLine.Parsing;
using System.Text.Json;
using GpuTransformer.Cli.Commands;
using GpuTransformer.Host;
using GpuTransformer.Modules;

namespace GpuTransformer.Cli;

/// <summary>The command line as a function: arguments in, text and an exit code out. <c>Program</c> calls it with the console, tests with strings.</summary>
internal static class CommandLine
{
    /// <summary>Runs one command and returns its <see cref="ExitCode"/>.</summary>
    public static async Task<int> RunAsync(IReadOnlyList<string> arguments, TextWriter output, TextWriter error, CancellationToken cancellation = default)
    {
        ParseResult parsed = CreateRoot().Parse(arguments);

        // A group of commands without one of them is a question: what is there?
        if (UsageErrors.IsGroupAlone(parsed))
            parsed = CreateRoot().Parse([.. arguments, "--help"]);
        if (parsed.Errors.Count > 0)
        {
            foreach (string message in UsageErrors.Of(parsed))
                await error.WriteLineAsync(message);
            await error.WriteLineAsync($"`{CommandPath(parsed)} --help` lists what is possible.");
            return (int)ExitCode.Usage;
        }

        var stop = new StopRequest(cancellation);
        var configuration = new StoppableInvocation(stop)
        {
            Output = output,
            Error = error,
            EnableDefaultExceptionHandler = false,
            ProcessTerminationTimeout = null,
        };
        try
        {
            // Commands compute on the calling thread; on a pool thread the wait for them can be given up.
            Task<int> work = Task.Run(() => parsed.InvokeAsync(configuration, cancellation), CancellationToken.None);
            await Task.WhenAny(work, stop.UntilGivenUp());
            if (work.IsCompleted)
                return await work;
            AtomicFile.DiscardUnfinished();
            throw new OperationCanceledException();
        }
        catch (Exception exception)
        {
            ExitCode code = Classify(exception);
            string message = code switch
            {
                ExitCode.Interrupted => "Interrupted.",
                ExitCode.Internal => $"This is a fault in gpu-transformer, not in what you asked for. Please report it:\n{exception}",
                _ => exception.Message,
            };
            await error.WriteLineAsync(message);
            return (int)code;
        }
    }

    private static RootCommand CreateRoot()
        => new("Transformers of the x-transformers family on any GPU: what is here, whether it is right, and how fast it is.")
    {
        DevicesCommand.Create(),
        KernelsCommand.Create(),
        ValidateCommand.Create(),
        VerifyCommand.Create(),
        RunCommand.Create(),
        GenerateCommand.Create(),
        InspectCommand.Create(),
        OptionsCommand.Create(),
        BenchCommand.Create(),
        PtxCommand.Create(),
        DemoCommand.Create(),
        TrainCommand.Create(),
    };

    private static ExitCode Classify(Exception exception) => exception switch
    {
        OperationCanceledException => ExitCode.Interrupted,
        DeviceNotFoundException => ExitCode.NoSuchDevice,
        UsageException or ArgumentException or CheckpointException or IOException or InvalidDataException or JsonException or UnauthorizedAccessException
        or NotSupportedException
            or OutOfMemoryException => ExitCode.Usage,
        _ => ExitCode.Internal,
    };

    private static string CommandPath(ParseResult parsed)
    {
        string path = string.Empty;
        for (CommandResult? result = parsed.CommandResult; result is { Command: not RootCommand }; result = result.Parent as CommandResult)
            path = $" {result.Command.Name}{path}";
        return $"gpu-transformer{path}";
    }
}
