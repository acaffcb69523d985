using GpuTransformer.Cli;
using GpuTransformer.Cli.Reporting;
using GpuTransformer.Modules;

namespace GpuTransformer.Tests.Cli;

/// <summary>docs/options.md is what the option records say.</summary>
[TestClass]
public sealed class OptionsCommandTests
{
    [TestMethod]
    public void The_document_is_what_the_records_say()
        => Assert.AreEqual(
            OptionsDocument.Write().ReplaceLineEndings("\n"),
            File.ReadAllText(RepositoryFiles.PathOf("docs/options.md")).ReplaceLineEndings("\n"),
            "Write it anew: dotnet run --project tools/GpuTransformer.Cli -c Release -- options --output docs/options.md");

    [TestMethod]
    public async Task The_command_writes_it()
    {
        CommandRun run = (await CommandRun.Of("options")).Exits(ExitCode.Pass);
        run.Says("| `cross_attn_…` | `CrossAttn` |");
        run.Says("`attn_aggregated_residuals` (off: `false`)");
    }

    [TestMethod]
    public void No_option_is_both_offered_and_missing_and_every_missing_one_says_why()
    {
        foreach (Type record in new[] { typeof(AttentionLayersOptions), typeof(AttentionOptions), typeof(FeedForwardOptions), typeof(AttendOptions),
            typeof(TransformerWrapperOptions) })
        {
            foreach ((string name, UpstreamOption option) in UpstreamOptions.Table(record))
            {
                Assert.IsNull(OptionNames.Of(record)[name], $"{record.Name} has {name}.");
                Assert.IsGreaterThan(10, option.Why.Length, $"{record.Name}: {name} does not say why it is missing.");
            }
        }
    }
}
