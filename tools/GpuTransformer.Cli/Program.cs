using System.Runtime.InteropServices;
using GpuTransformer.Cli;
using GpuTransformer.Modules;

using var interrupt = new CancellationTokenSource();

// The first Ctrl-C asks the command to stop; a second one ends the process as if nobody listened, but for what is half-written.
void Interrupt(PosixSignalContext context)
{
    context.Cancel = !interrupt.IsCancellationRequested;
    if (!context.Cancel)
        AtomicFile.DiscardUnfinished();
    interrupt.Cancel();
}

using PosixSignalRegistration keyboard = PosixSignalRegistration.Create(PosixSignal.SIGINT, Interrupt);

// What `kill` sends, and a system that is shut down or a scheduler whose time is over.
using PosixSignalRegistration termination = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Interrupt);

return await CommandLine.RunAsync(args, Console.Out, Console.Error, interrupt.Token);
