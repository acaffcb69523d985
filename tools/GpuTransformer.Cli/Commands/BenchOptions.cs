using System.CommandLine;
using GpuTransformer.Cli.Benchmarks;
using GpuTransformer.Cli.Reporting;
using GpuTransformer.Host;

namespace GpuTransformer.Cli.Commands;

/// <summary>The options that every measurement has, and the measurement itself.</summary>
internal sealed class BenchOptions
{
    private readonly Option<string?> _device = SharedOptions.Device();
    private readonly Option<DType> _dtype = SharedOptions.Precision();
    private readonly Option<int> _repeats = SharedOptions.Size("--repeats", "timed calls", 30);
    private readonly Option<string?> _variant = new("--variant")
    {
        Description = "use this variant where an operator has it, in place of the dispatcher's choice", HelpName = "NAME",
    };
    private readonly Option<bool> _byOperator =
        new("--by-operator") { Description = "also show where the time goes, from as many calls again in which every operator waits for the device" };
    private readonly Option<FileInfo?> _json = SharedOptions.Json();

    /// <summary>Gives a command these options.</summary>
    public Command AddTo(Command command)
    {
        foreach (Option option in new Option[] { _device, _dtype, _repeats, _variant, _byOperator, _json })
            command.Add(option);
        return command;
    }

    /// <summary>Opens the device, measures what <paramref name="prepare"/> returns, and reports it.</summary>
    /// <param name="invocation">The command line.</param>
    /// <param name="name">What is called, with its sizes.</param>
    /// <param name="flop">Floating-point operations of a call.</param>
    /// <param name="prepare">Uploads the inputs and returns the call.</param>
    /// <param name="results">
    /// How many numbers of the chosen precision a call's results are, and for how many tokens; null where memory is not told apart.
    /// </param>
    public ExitCode Run(
        Invocation invocation, string name, double flop, Func<ComputeDevice, DType, Action> prepare, (long Numbers, long Tokens)? results = null)
    {
        using ComputeDevice device = ComputeDevice.Create(invocation.Get(_device));
        device.PreferredVariant = invocation.Get(_variant);
        DType dtype = invocation.Require(_dtype);
        Action call = prepare(device, dtype);
        Measurement m = Measurement.Of(name, device, dtype, flop, invocation.Require(_repeats), call, invocation.Cancellation);
        if (results is { } r)
        {
            long extra = m.DeviceBytes - r.Numbers * dtype.SizeInBytes();
            m = m with { ExtraBytes = extra, BytesPerToken = extra / (double)r.Tokens };
        }

        if (invocation.Get(_byOperator))
            m = m.ByOperator(device, call);
        Terminal terminal = invocation.Terminal;
        terminal.Line($"{m.Name} {m.DType} on {device}, {m.Repeats} calls");
        terminal.Line($"  time                     {Format.Number(m.MedianMs)} ms median, {Format.Number(m.MinMs)} ms best");
        terminal.Line($"  speed                    {Format.Number(m.Gflops)} GFLOP/s");
        terminal.Line($"  kernels launched         {Format.Count(m.Launches)} per call");
        terminal.Line($"  device memory            {Format.Bytes(m.DeviceBytes)} at most at a time");
        if (m.ExtraBytes is { } beyond)
            terminal.Line(
                $"  extra device memory      {Format.Bytes(beyond)} beyond inputs, outputs and gradients: "
                + $"{Format.Number(m.BytesPerToken ?? 0)} bytes per token");
        terminal.Line($"  second-call allocations  {m.SecondCallAllocations} on the device, {m.SecondCallCompiles} kernels compiled");
        terminal.Line($"  managed memory           {Format.Count(m.ManagedBytes)} bytes per call");
        foreach (OperatorShare o in m.Operators ?? [])
            terminal.Line($"    {o.Operator,-24} {o.Variant,-12} {o.Calls,4} calls  {Format.Number(o.Ms),8} ms  {o.Share,6:p1}");
        JsonFile.Write(invocation.Get(_json), m);
        return ExitCode.Pass;
    }
}
