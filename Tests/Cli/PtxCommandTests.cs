using GpuTransformer.Cli;
using GpuTransformer.Cli.Commands;

namespace GpuTransformer.Tests;

[TestClass]
public sealed class PtxCommandTests
{
    [TestMethod]
    public async Task Ptx_is_printed_for_what_matches()
    {
        CommandRun run = (await CommandRun.Of("ptx", "--kernel", "LayerNorm/Portable", "--arch", "sm_90")).Exits(ExitCode.Pass);
        Assert.AreEqual(3, run.Output.Split('\n').Count(static l => l.StartsWith(".visible .entry", StringComparison.Ordinal)));
    }

    [TestMethod]
    public async Task Files_are_written_with_a_list_of_them()
    {
        DirectoryInfo folder = Directory.CreateTempSubdirectory();
        try
        {
            (await CommandRun.Of("ptx", "--kernel", "LayerNorm", "--output", folder.FullName)).Exits(ExitCode.Pass);
            string[] lines = await File.ReadAllLinesAsync(Path.Combine(folder.FullName, PtxCommand.IndexName));
            Assert.HasCount(3, lines);
            foreach (string[] fields in lines.Select(static l => l.Split('\t')))
            {
                Assert.HasCount(4, fields);
                StringAssert.Contains(await File.ReadAllTextAsync(Path.Combine(folder.FullName, fields[0])), ".visible .entry");
            }
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    [TestMethod]
    [DataRow("*/Vectorized", "sm_80", "runs on no GPU")]
    [DataRow("*", "sm_13", "sm_90")]
    public async Task What_has_no_ptx_is_wrong_usage(string pattern, string architecture, string words)
        => StringAssert.Contains((await CommandRun.Of("ptx", "--kernel", pattern, "--arch", architecture)).Exits(ExitCode.Usage).Error, words);
}
