using System.Diagnostics;
using System.Text.Json;
using GpuTransformer.Cli;
using GpuTransformer.Host;

namespace GpuTransformer.Tests;

[TestClass]
public sealed class CommandLineTests
{
    [TestMethod]
    [DataRow("no such command", "frobnicate")]
    [DataRow("no command")]
    [DataRow("no such option", "devices", "--frobnicate")]
    [DataRow("not a number", "validate", "--seed", "many")]
    [DataRow("no value", "validate", "--device")]
    [DataRow("no such kernel", "validate", "--kernel", "Frobnicate*")]
    [DataRow("no such kernel", "kernels", "--kernel", "Frobnicate")]
    [DataRow("no such variant", "validate", "--variant", "Frobnicated")]
    [DataRow("no such folder for the report", "devices", "--json", "/no/such/folder/report.json")]
    public async Task Wrong_usage_exits_2_and_says_why(string what, params string[] arguments)
    {
        CommandRun run = (await CommandRun.Of(arguments)).Exits(ExitCode.Usage);
        Assert.AreNotEqual(string.Empty, run.Error, what);
        run.ComplainsAbout();
        Assert.AreEqual(string.Empty, run.Output, what);
    }

    [TestMethod]
    [DataRow("cuda:99")]
    [DataRow("toaster")]
    public async Task A_device_that_is_not_here_exits_3(string device)
        => (await CommandRun.Of("validate", "--device", device)).Exits(ExitCode.NoSuchDevice).ComplainsAbout(device);

    [TestMethod]
    public async Task Help_names_every_command_and_exits_0()
    {
        CommandRun run = (await CommandRun.Of("--help")).Exits(ExitCode.Pass);
        foreach (string command in new[] { "devices", "kernels", "validate", "verify", "run", "bench", "ptx" })
            StringAssert.Contains(run.Output, command, StringComparison.Ordinal);
    }

    [TestMethod]
    public async Task Devices_lists_the_processor()
    {
        (CommandRun run, JsonElement report) = await CommandRun.WithJson("devices");
        run.Exits(ExitCode.Pass);
        StringAssert.Contains(run.Output, "cpu", StringComparison.Ordinal);
        JsonElement cpu = report.GetProperty("devices").EnumerateArray().Single(static d => d.GetProperty("id").GetString() == "cpu");
        Assert.IsTrue(cpu.GetProperty("is_available").GetBoolean());
        Assert.AreEqual(Environment.ProcessorCount, cpu.GetProperty("units").GetInt32());
    }

    [TestMethod]
    public async Task Kernels_lists_the_whole_catalogue()
    {
        (CommandRun run, JsonElement report) = await CommandRun.WithJson("kernels");
        run.Exits(ExitCode.Pass);
        CollectionAssert.AreEqual(
            KernelCatalog.Operators.Select(static o => o.Name).ToArray(),
            report.GetProperty("operators").EnumerateArray().Select(static o => o.GetProperty("name").GetString()).ToArray());
        JsonElement portable = report.GetProperty("operators")[0].GetProperty("variants").EnumerateArray().Single(static v => v.GetProperty("name").GetString() == "Portable");
        CollectionAssert.AreEquivalent(new[] { "cuda", "opencl", "simulator" }, portable.GetProperty("runs_on").EnumerateArray().Select(static d => d.GetString()).ToArray());
    }

    [TestMethod]
    [DataRow("layernorm", 2)]
    [DataRow("LayerNorm/Portable", 1)]
    [DataRow("*/Nothing", 0)]
    public async Task A_pattern_selects_operators_or_variants(string pattern, int expected)
    {
        CommandRun run = await CommandRun.Of("kernels", "--kernel", pattern);
        run.Exits(expected > 0 ? ExitCode.Pass : ExitCode.Usage);
        Assert.AreEqual(expected, run.Output.Split('\n').Count(static l => l.StartsWith("LayerNorm", StringComparison.Ordinal)), run.Output);
    }

    [TestMethod]
    public async Task A_cancelled_command_exits_130()
    {
        using var interrupt = new CancellationTokenSource();
        await interrupt.CancelAsync();
        (await CommandRun.Of(interrupt.Token, "validate", "--device", "cpu", "--kernel", "LayerNorm")).Exits(ExitCode.Interrupted);
    }

    [TestMethod]
    [OSCondition(ConditionMode.Exclude, OperatingSystems.Windows)]
    public async Task Ctrl_C_stops_the_process_with_130()
    {
        using Process process = Process.Start(new ProcessStartInfo("dotnet", [Path.Combine(AppContext.BaseDirectory, "gpu-transformer.dll"), "validate", "--device", "cpu"])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        })!;
        try
        {
            StringAssert.StartsWith(await process.StandardOutput.ReadLineAsync(), "Validating", StringComparison.Ordinal);
            using (Process kill = Process.Start("kill", ["-INT", $"{process.Id}"]))
                await kill.WaitForExitAsync();
            await process.WaitForExitAsync();
            Assert.AreEqual((int)ExitCode.Interrupted, process.ExitCode, await process.StandardError.ReadToEndAsync());
        }
        finally
        {
            if (!process.HasExited)
                process.Kill();
        }
    }
}
