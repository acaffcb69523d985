using System.Text.Json;
using GpuTransformer.Cli;
using GpuTransformer.Host;

namespace GpuTransformer.Tests;

[TestClass]
public sealed class CommandLineTests
{
    [TestMethod]
    [DataRow("no such command", "frobnicate")]
    [DataRow("no such option", "devices", "--frobnicate")]
    [DataRow("not a number", "validate", "--seed", "many")]
    [DataRow("no value", "validate", "--device")]
    [DataRow("no such kernel", "validate", "--kernel", "Frobnicate*")]
    [DataRow("no such kernel", "kernels", "--kernel", "Frobnicate")]
    [DataRow("no such variant", "validate", "--variant", "Frobnicated")]
    [DataRow("a folder in place of the report", "devices", "--json", "/")]
    [DataRow("no such folder for the report", "devices", "--json", "/no/such/folder/report.json")]
    public async Task Wrong_usage_exits_2_and_says_why(string what, params string[] arguments)
    {
        CommandRun run = (await CommandRun.Of(arguments)).Exits(ExitCode.Usage);
        Assert.AreNotEqual(string.Empty, run.Error, what);
        run.ComplainsAbout();
        Assert.AreEqual(string.Empty, run.Output, what);
    }

    [TestMethod]
    [DataRow("", "devices", "validate", "train")]
    [DataRow("bench", "train-step", "attention")]
    [DataRow("train", "mae", "copy", "recall")]
    public async Task A_group_of_commands_alone_is_answered_with_what_there_is(string command, params string[] named)
    {
        CommandRun run = (await CommandRun.Of(command.Length == 0 ? [] : [command])).Exits(ExitCode.Pass);
        foreach (string name in named)
            run.Says(name);
        Assert.AreEqual(string.Empty, run.Error);
        Assert.AreEqual((await CommandRun.Of(command.Length == 0 ? ["--help"] : [command, "--help"])).Output, run.Output);
    }

    [TestMethod]
    [DataRow("devces", "Did you mean 'devices'?")]
    [DataRow("Validate", "Did you mean 'validate'?")]
    [DataRow("bench atention", "Did you mean 'attention'?")]
    [DataRow("train mea --output x", "Did you mean 'mae'?")]
    [DataRow("devices --jsno x", "Did you mean '--json'?")]
    [DataRow("validate --kernal LayerNorm", "Did you mean '--kernel'?")]
    [DataRow("train mae --output x --learning-rat 1", "Did you mean '--learning-rate'?")]
    [DataRow("validate --hepl", "Did you mean '--help'?")]
    [DataRow("kernels --kernel LayerNrm", "Did you mean 'LayerNorm'?")]
    [DataRow("validate --variant Vectorised", "Did you mean 'Vectorized'?")]
    public async Task A_misspelt_word_comes_with_the_one_that_was_meant(string line, string suggestion)
    {
        CommandRun run = (await CommandRun.Of(line.Split(' '))).Exits(ExitCode.Usage);
        run.ComplainsAbout(suggestion);
        Assert.AreEqual(string.Empty, run.Output);
    }

    [TestMethod]
    [DataRow("frobnicate", "There is no command 'frobnicate'.")]
    [DataRow("devices --frobnicate yes", "There is no option '--frobnicate'.")]
    [DataRow("devices all", "'all' is one argument too many.")]
    public async Task What_resembles_nothing_is_only_told(string line, string message)
    {
        CommandRun run = (await CommandRun.Of(line.Split(' '))).Exits(ExitCode.Usage);
        Assert.AreEqual(message, run.Error.Split('\n')[0].TrimEnd());
        Assert.DoesNotContain("Did you mean", run.Error);
    }

    [TestMethod]
    [DataRow("bench seed --batch 0", "'0' is not a whole number from 1 to 2147483647")]
    [DataRow("bench seed --batch 4294967296", "'4294967296' is not a whole number from 1 to 2147483647")]
    [DataRow("bench seed --repeats many", "'many' is not a whole number from 1 to 2147483647")]
    [DataRow("validate --seed 9999999999", "'9999999999' is not a whole number from -2147483648 to 2147483647")]
    [DataRow("train mae --output x --steps 9999999999", "'9999999999' is not a whole number from -2147483648 to 2147483647")]
    [DataRow("train mae --output x --steps 0", "steps is 0, but must be from 1 to 2147483647")]
    [DataRow("train mae --output x --batch-size 2000000000", "batch_size is 2000000000, but must be from 1 to 1000000")]
    [DataRow("train mae --output x --image-size 100000", "image_size is 100000, but must be from 1 to 4096")]
    [DataRow("train copy --output x --dim-head 100000", "dim_head is 100000, but must be from 1 to 65536")]
    public async Task A_number_out_of_range_is_told_with_its_range(string line, string message)
        => (await CommandRun.Of(line.Split(' '))).Exits(ExitCode.Usage).ComplainsAbout(message);

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
        JsonElement portable = report.GetProperty("operators")[0].GetProperty("variants").EnumerateArray().Single(
            static v => v.GetProperty("name").GetString() == "Portable");
        CollectionAssert.AreEquivalent(
            new[] { "cuda", "opencl", "simulator" }, portable.GetProperty("runs_on").EnumerateArray().Select(static d => d.GetString()).ToArray());
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
        using var process = new CommandProcess("validate", "--device", "cpu");
        await process.Says("Validating");
        await process.Signal("INT");
        Assert.AreEqual((int)ExitCode.Interrupted, await process.Ends(), process.Said);
    }
}
