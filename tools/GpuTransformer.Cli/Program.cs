using System.Runtime.InteropServices;
using GpuTransformer.Cli;

using var interrupt = new CancellationTokenSource();

// The first Ctrl-C asks the command to stop; a second one ends the process as if nobody listened.
using PosixSignalRegistration registration = PosixSignalRegistration.Create(PosixSignal.SIGINT, context =>
{
    context.Cancel = !interrupt.IsCancellationRequested;
    interrupt.Cancel();
});

return await CommandLine.RunAsync(args, Console.Out, Console.Error, interrupt.Token);
