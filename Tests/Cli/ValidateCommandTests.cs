using System.Text.Json;
using GpuTransformer.Cli;
using GpuTransformer.Cli.Reporting;
using GpuTransformer.Host;
using GpuTransformer.Validation;

namespace GpuTransformer.Tests;

[TestClass]
public sealed class ValidateCommandTests
{
    [TestMethod]
    public async Task On_the_processor_the_portable_kernels_run_on_the_simulator()
    {
        (CommandRun run, JsonElement report) = await CommandRun.WithJson("validate", "--device", "cpu", "--kernel", "LayerNorm", "--quick");
        run.Exits(ExitCode.Pass);
        List<JsonElement> cases = [.. report.GetProperty("cases").EnumerateArray()];
        Assert.AreEqual(cases.Count, report.GetProperty("passed").GetInt32());
        foreach (string count in new[] { "failed", "unsupported", "differs_by_design" })
            Assert.AreEqual(0, report.GetProperty(count).GetInt32(), count);
        AssertAll(cases, "cpu", "LayerNorm/Vectorized");
        AssertAll(cases, "simulator", "LayerNorm/Portable");
    }

    [TestMethod]
    public async Task Cases_have_an_error_within_a_limit()
    {
        (_, JsonElement report) = await CommandRun.WithJson("validate", "--device", "cpu", "--kernel", "LayerNorm", "--variant", "Vectorized", "--quick");
        foreach (JsonElement c in report.GetProperty("cases").EnumerateArray())
        {
            Assert.AreEqual("passed", c.GetProperty("status").GetString());
            Assert.IsTrue(c.GetProperty("error").GetDouble() <= c.GetProperty("limit").GetDouble(), c.ToString());
            Assert.AreEqual(JsonValueKind.Null, c.GetProperty("message").ValueKind);
        }
    }

    [TestMethod]
    public async Task Another_seed_gives_other_numbers()
    {
        (_, JsonElement first) = await CommandRun.WithJson("validate", "--device", "cpu", "--kernel", "LayerNorm/Vectorized", "--quick");
        (_, JsonElement other) = await CommandRun.WithJson("validate", "--device", "cpu", "--kernel", "LayerNorm/Vectorized", "--quick", "--seed", "2");
        Assert.AreNotEqual(Errors(first), Errors(other));
    }

    [TestMethod]
    public void A_case_passes_only_if_all_its_outputs_do()
    {
        CaseResult result = CaseResult.From("x", "cpu", [new Comparison("fine", 1e-7, 1e-6, true), new Comparison("wrong", 2e-6, 1e-6, false)], 0);
        Assert.AreEqual(CaseStatus.Failed, result.Status);
        Assert.AreEqual(2e-6, result.Error);
        StringAssert.Contains(result.Message, "wrong", StringComparison.Ordinal);
    }

    [TestMethod]
    public void Infinity_is_reported_in_words()
    {
        CaseResult result = CaseResult.From("x", "cpu", [new Comparison("output", double.PositiveInfinity, 1e-6, false)], 0);
        Assert.AreEqual(CaseStatus.Failed, result.Status);
        Assert.IsNull(result.Error, "JSON has no infinity.");
        StringAssert.Contains(result.Message, "NaN", StringComparison.Ordinal);
    }

    [TestMethod]
    public void Nothing_compared_is_no_success()
    {
        var report = new CaseReport("validate", [new CaseResult("x", "cpu", CaseStatus.Unsupported, null, null, "no", 0)], 0);
        Assert.ThrowsExactly<UsageException>(() => report.Conclude(new Terminal(TextWriter.Null)));
    }

    [TestMethod]
    public void One_failure_is_a_mismatch()
    {
        CaseResult passed = new("x", "cpu", CaseStatus.Passed, 0, 1, null, 0), failed = new("y", "cpu", CaseStatus.Failed, 2, 1, "off", 0);
        Assert.AreEqual(ExitCode.Mismatch, new CaseReport("validate", [passed, failed], 0).Conclude(new Terminal(TextWriter.Null)));
    }

    private static void AssertAll(List<JsonElement> cases, string device, string kernel)
    {
        List<string?> names = [.. cases.Where(c => c.GetProperty("device").GetString() == device).Select(static c => c.GetProperty("name").GetString())];
        Assert.AreNotEqual(0, names.Count, device);
        foreach (string? name in names)
            StringAssert.StartsWith(name, kernel, StringComparison.Ordinal);
    }

    private static string Errors(JsonElement report)
        => string.Join(' ', report.GetProperty("cases").EnumerateArray().Select(static c => c.GetProperty("error").GetDouble()));
}
