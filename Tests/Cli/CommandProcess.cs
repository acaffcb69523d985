using System.Diagnostics;
using System.Text;

namespace GpuTransformer.Tests;

/// <summary>The command line as a process of its own, for what only a process has: signals. It is gone with the test.</summary>
internal sealed class CommandProcess : IDisposable
{
    private readonly Process _process;
    private readonly StringBuilder _said = new();

    public CommandProcess(params string[] arguments)
        => _process = Process.Start(new ProcessStartInfo("dotnet", [Path.Combine(AppContext.BaseDirectory, "gpu-transformer.dll"), .. arguments])
    {
        RedirectStandardOutput = true,
        RedirectStandardError = true,
    })!;

    /// <summary>All that it has written to standard output so far.</summary>
    public string Said => _said.ToString();

    /// <summary>Reads on until a line holds <paramref name="text"/>.</summary>
    public async Task Says(string text)
    {
        while (await _process.StandardOutput.ReadLineAsync() is { } line)
        {
            _said.AppendLine(line);
            if (line.Contains(text, StringComparison.Ordinal))
                return;
        }

        Assert.Fail($"'{text}' was never said:\n{_said}{await _process.StandardError.ReadToEndAsync()}");
    }

    /// <summary>Sends a signal: INT, TERM, KILL.</summary>
    public async Task Signal(string name)
    {
        using Process kill = Process.Start("kill", [$"-{name}", $"{_process.Id}"]);
        await kill.WaitForExitAsync();
    }

    /// <summary>Waits for the end and returns the exit code.</summary>
    public async Task<int> Ends()
    {
        _said.Append(await _process.StandardOutput.ReadToEndAsync());
        await _process.WaitForExitAsync();
        return _process.ExitCode;
    }

    public void Dispose()
    {
        if (!_process.HasExited)
            _process.Kill();
        _process.Dispose();
    }
}
