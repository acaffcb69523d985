using System.CommandLine;
using GpuTransformer.Cli.Reporting;
using GpuTransformer.Host;

namespace GpuTransformer.Cli.Commands;

/// <summary><c>devices</c>: what is here, what was left out and why.</summary>
internal static class DevicesCommand
{
    public static Command Create()
    {
        Option<FileInfo?> json = SharedOptions.Json();
        return new Command(
            "devices", "List the devices of this machine, and say why a kind of device is missing.") { json }.Runs(invocation => Run(invocation, json));
    }

    private static ExitCode Run(Invocation invocation, Option<FileInfo?> json)
    {
        IReadOnlyList<DeviceDescription> devices = ComputeDevice.Discover();
        Terminal terminal = invocation.Terminal;
        terminal.Table(
            ["device", "name", "kind", "#units", "#memory"],
            devices.Where(static d => d.IsAvailable).Select(static d
                => (IReadOnlyList<string>)[d.Id, d.Name, Kind(d), d.Units == 0 ? "-" : Format.Count(d.Units), Format.Bytes(d.MemoryBytes)]));
        foreach (DeviceDescription noted in devices.Where(static d => d.IsAvailable && d.Note is not null))
            terminal.Line($"{noted.Id}: {noted.Note}");
        foreach (DeviceDescription missing in devices.Where(static d => !d.IsAvailable))
            terminal.Line($"{missing.Id} left out: {missing.UnavailableReason}");
        JsonFile.Write(invocation.Get(json), new { devices });
        return ExitCode.Pass;
    }

    private static string Kind(DeviceDescription device)
        => $"{device.Kind}{(device.Kind == DeviceKind.OpenCl ? device.IsGpu ? " GPU" : " processor" : string.Empty)}";
}
