using System.Text.Json;
using GpuTransformer.Cli;
using GpuTransformer.Modules;

namespace GpuTransformer.Tests;

/// <summary><c>run</c>, <c>inspect</c> and <c>bench</c>, on the seed model and its checkpoint.</summary>
[TestClass]
public sealed class ModelCommandTests
{
    private const string SeedConfig =
        """{"class": "Encoder", "kwargs": {"dim": 256, "depth": 4, "heads": 4, "alibi_pos_bias": true, "cross_attend": true, "cross_attn_dim_context": 512}}""";

    private static readonly string s_seed = RepositoryFiles.PathOf("Tests", "Goldens", "seed_example_bf16.safetensors");

    private readonly string _folder = Directory.CreateTempSubdirectory("model").FullName;

    private string Output => Path.Combine(_folder, "output.safetensors");

    [TestCleanup]
    public void DeleteFolder() => Directory.Delete(_folder, recursive: true);

    [TestMethod]
    public async Task The_seed_example_runs_and_agrees()
    {
        CommandRun run = await Run(SeedConfig, s_seed, s_seed, "--expected", s_seed);
        run.Exits(ExitCode.Pass).Says("passed");
        using SafetensorsReader expected = SafetensorsReader.Open(s_seed), written = SafetensorsReader.Open(Output);
        Assert.AreEqual("output", written.Entries.Single().Name);
        double error = written.ReadDoubles("output").Zip(expected.ReadDoubles("output_f64")).Max(static v => Math.Abs(v.First - v.Second));
        Assert.IsLessThan(1e-5, error);
    }

    [TestMethod]
    public async Task A_model_of_bytes_goes_on_with_a_prompt()
    {
        const string Config = """
            {"class": "TransformerWrapper", "kwargs": {"num_tokens": 256, "max_seq_len": 64, "attn_layers":
            {"class": "Decoder", "kwargs": {"dim": 16, "depth": 1, "heads": 2, "attn_dim_head": 8, "rotary_pos_emb": true}}}}
            """;
        string config = Path.Combine(_folder, "bytes.json"), parameters = Path.Combine(_folder, "bytes.safetensors");
        string json = Path.Combine(_folder, "report.json");
        await File.WriteAllTextAsync(config, Config);
        using (Module model = ModuleFactory.Create(Config, TestDevices.Get("cpu"), seed: 3))
            model.Save(parameters);
        string[] call = ["generate", "--config", config, "--checkpoint", parameters, "--prompt", "Once", "--device", "cpu", "--json", json, "--tokens", "12"];
        CommandRun run = await CommandRun.Of([.. call, "--temperature", "0"]);
        run.Exits(ExitCode.Pass);
        foreach (string said in new[] { "Once", "12 tokens", "tokens/s" })
            Assert.Contains(said, run.Output);
        string Written() => JsonDocument.Parse(File.ReadAllText(json)).RootElement.GetProperty("text").GetString()!;
        string cached = Written();
        (await CommandRun.Of([.. call, "--temperature", "0", "--no-cache"])).Exits(ExitCode.Pass);
        Assert.AreEqual(cached, Written());
        string[] without = ["generate", "--config", config, "--checkpoint", parameters, "--prompt", "", "--device", "cpu"];
        (await CommandRun.Of(without)).Exits(ExitCode.Usage).ComplainsAbout("--prompt is empty");
        (await CommandRun.Of("generate", "--config", Config24(config), "--checkpoint", parameters, "--prompt", "a")).Exits(ExitCode.Usage)
            .ComplainsAbout("num_tokens = 256");
    }

    // The same with another vocabulary.
    private string Config24(string config)
    {
        string other = Path.Combine(_folder, "other.json");
        File.WriteAllText(other, File.ReadAllText(config).Replace("256", "24", StringComparison.Ordinal));
        return other;
    }

    [TestMethod]
    public async Task An_output_that_differs_exits_1()
    {
        string other = Golden("enc_plain__full", out string config);
        (await Run(config, other, other)).Exits(ExitCode.Pass);

        // Another model's weights of the same shapes: the same file, one weight's exponent changed.
        byte[] bytes = await File.ReadAllBytesAsync(other);
        int header = BitConverter.ToInt32(bytes);
        using JsonDocument tensors = JsonDocument.Parse(bytes.AsMemory(8, header));
        bytes[8 + header + tensors.RootElement.GetProperty("param.layers.0.1.to_q.weight").GetProperty("data_offsets")[0].GetInt32() + 3] ^= 0x01;
        string damaged = Path.Combine(_folder, "damaged.safetensors");
        await File.WriteAllBytesAsync(damaged, bytes);
        (await Run(config, damaged, other, "--expected", other)).Exits(ExitCode.Mismatch).Says("FAILED");
    }

    [TestMethod]
    public async Task Wrong_files_are_errors_that_say_what_is_wrong()
    {
        (await Run("{", s_seed, s_seed)).Exits(ExitCode.Usage).ComplainsAbout("not valid JSON");
        (await Run("""{"class": "Encodr", "kwargs": {}}""", s_seed, s_seed)).Exits(ExitCode.Usage).ComplainsAbout("Encodr", "Encoder");
        (await Run("""{"class": "Encoder", "kwargs": {"dim": 256, "dept": 4}}""", s_seed, s_seed)).Exits(ExitCode.Usage).ComplainsAbout("dept", "depth");
        (await Run("""{"class": "Encoder", "kwargs": {"dim": 256, "depth": 4, "attn_gumbel_softmax": true}}""", s_seed, s_seed)).Exits(ExitCode.Usage)
            .ComplainsAbout("attn_gumbel_softmax");
        (await Run(SeedConfig.Replace("512", "500", StringComparison.Ordinal), s_seed, s_seed)).Exits(ExitCode.Usage)
            .ComplainsAbout("[256, 512]", "[256, 500]");

        string truncated = Path.Combine(_folder, "truncated.safetensors");
        await File.WriteAllBytesAsync(truncated, (await File.ReadAllBytesAsync(s_seed))[..1_000_000]);
        (await Run(SeedConfig, truncated, s_seed)).Exits(ExitCode.Usage).ComplainsAbout("truncated");

        string otherWidth = Golden("enc_plain__nomask", out _);
        (await Run(SeedConfig, s_seed, otherWidth)).Exits(ExitCode.Usage).ComplainsAbout("'x'", "256");
        (await CommandRun.Of("run", "--config", "/no/such.json", "--checkpoint", s_seed, "--input", s_seed, "--output", Output)).Exits(ExitCode.Usage)
            .ComplainsAbout("/no/such.json");
        Assert.IsFalse(File.Exists(Output), "An output was written all the same.");
    }

    [TestMethod]
    public async Task Inspect_counts_the_seed_model()
    {
        (CommandRun run, JsonElement report) = await CommandRun.WithJson(
            "inspect", "--config", Config(SeedConfig), "--checkpoint", s_seed, "--device", "cpu", "--batch", "2");
        run.Exits(ExitCode.Pass).Says("4,727,040");
        Assert.AreEqual(61, report.GetProperty("tensors").GetInt32());
        Assert.AreEqual(4_727_040, report.GetProperty("parameters").GetInt64());
        Assert.AreEqual(4 * 2 * 256 * (512 - 256), report.GetProperty("rectangular_parameters").GetInt64());
        Assert.AreEqual(4_727_040, report.GetProperty("parts").EnumerateArray().Sum(static p => p.GetProperty("parameters").GetInt64()));
        Assert.IsTrue(report.GetProperty("activations").GetProperty("largest_batch").GetInt64() > 0);
    }

    [TestMethod]
    public async Task Inspect_tells_which_attention_has_its_scores_in_memory()
    {
        (CommandRun run, JsonElement report) = await CommandRun.WithJson("inspect", "--config", Config(SeedConfig), "--device", "cpu");
        run.Says("Attention is fused: no scores are ever in memory.");
        Assert.IsTrue(report.GetProperty("attentions").EnumerateArray().All(static a => a.GetProperty("is_fused").GetBoolean()));
        (run, report) = await CommandRun.WithJson(
            "inspect", "--config", Config(SeedConfig.Replace("\"cross_attend\"", "\"cross_attn_sigmoid\": true, \"cross_attend\"", StringComparison.Ordinal)),
            "--device", "cpu");
        run.Says("4 of 8 attentions have their scores in memory, [batch, heads, queries, keys] of them, for Sigmoid.");
        Assert.AreEqual("layers.1.1",
            report.GetProperty("attentions").EnumerateArray().First(static a => !a.GetProperty("is_fused").GetBoolean()).GetProperty("path").GetString());
    }

    [TestMethod]
    public async Task A_second_forward_allocates_nothing_on_the_device()
    {
        (CommandRun run, JsonElement report) = await CommandRun.WithJson("bench", "seed", "--device", "cpu", "--repeats", "2");
        run.Exits(ExitCode.Pass);
        Assert.AreEqual(0, report.GetProperty("second_call_allocations").GetInt64());
        Assert.AreEqual(0, report.GetProperty("second_call_compiles").GetInt64());
        Assert.IsTrue(report.GetProperty("launches").GetInt64() > 0 && report.GetProperty("min_ms").GetDouble() > 0);

        // What inspect foretells is what a forward takes.
        (_, JsonElement inspected) = await CommandRun.WithJson("inspect", "--config", Config(SeedConfig), "--device", "cpu");
        Assert.AreEqual(
            inspected.GetProperty("activations").GetProperty("inference").GetDouble(),
            report.GetProperty("device_bytes").GetDouble(),
            0.125 * report.GetProperty("device_bytes").GetDouble());
    }

    [TestMethod]
    [DataRow("attention", "--queries", "17", "--keys", "33", "--causal")]
    [DataRow("matmul", "--m", "17", "--n", "5", "--k", "40", "--dtype", "bfloat16")]
    public async Task Operators_are_measured(params string[] arguments)
    {
        (CommandRun run, JsonElement report) = await CommandRun.WithJson(["bench", .. arguments, "--device", "cpu", "--repeats", "2"]);
        run.Exits(ExitCode.Pass);
        Assert.AreEqual(1, report.GetProperty("launches").GetInt64());
        Assert.AreEqual(0, report.GetProperty("second_call_allocations").GetInt64());
    }

    // A row's largest score, its reciprocal sum and its delta, for each of eight heads: nothing that grows with queries times keys.
    [TestMethod]
    [DataRow(64, 64), DataRow(128, 64), DataRow(64, 512)]
    public async Task Attention_and_its_backward_take_twelve_bytes_per_query_and_head(int queries, int keys)
    {
        string[] arguments =
        [
            "bench", "attention", "--backward", "--queries", $"{queries}", "--keys", $"{keys}", "--heads", "8", "--device", "cpu", "--repeats", "1",
        ];
        (CommandRun run, JsonElement report) = await CommandRun.WithJson(arguments);
        run.Exits(ExitCode.Pass);
        StringAssert.Contains(run.Output, "96.0 bytes per token", StringComparison.Ordinal);
        Assert.AreEqual(3 * 4 * 8 * queries, report.GetProperty("extra_bytes").GetInt64());
        Assert.AreEqual(96, report.GetProperty("bytes_per_token").GetDouble());
        Assert.AreEqual(0, report.GetProperty("second_call_allocations").GetInt64());
    }

    [TestMethod]
    public async Task A_training_step_allocates_once_and_shows_where_its_time_goes()
    {
        (CommandRun run, JsonElement report) = await CommandRun.WithJson(
            "bench", "train-step", "--device", "cpu", "--batch", "1", "--repeats", "2", "--by-operator");
        run.Exits(ExitCode.Pass);
        Assert.AreEqual(0, report.GetProperty("second_call_allocations").GetInt64());
        Assert.AreEqual(0, report.GetProperty("second_call_compiles").GetInt64());
        JsonElement[] operators = [.. report.GetProperty("operators").EnumerateArray()];
        string[] names = [.. operators.Select(static o => o.GetProperty("operator").GetString()!)];
        foreach (string name in new[] { "MatrixMultiply", "Attention", "AttentionBackward", "LayerNormBackward", "AdamWUpdate", "SquaredErrorBackward" })
            Assert.Contains(name, names);
        Assert.AreEqual(1, operators.Sum(static o => o.GetProperty("share").GetDouble()), 1e-9);
        Assert.IsGreaterThanOrEqualTo(operators.Sum(static o => o.GetProperty("calls").GetInt64()), report.GetProperty("launches").GetInt64());
    }

    [TestMethod]
    [DataRow("--batch", "0")]
    [DataRow("--batch", "many")]
    [DataRow("--dtype", "int32")]
    [DataRow("--dtype", "float")]
    public async Task Wrong_sizes_are_wrong_usage(string option, string value)
        => (await CommandRun.Of("bench", "seed", option, value)).Exits(ExitCode.Usage).ComplainsAbout(option, value, "bench seed --help");

    private Task<CommandRun> Run(string config, string checkpoint, string input, params string[] more)
        => CommandRun.Of(["run", "--config", Config(config), "--checkpoint", checkpoint, "--input", input, "--output", Output, "--device", "cpu", .. more]);

    private string Config(string text)
    {
        string file = Path.Combine(_folder, "config.json");
        File.WriteAllText(file, text);
        return file;
    }

    // A case of the manifest is a config: it has class and kwargs.
    private static string Golden(string name, out string config)
    {
        using JsonDocument manifest = JsonDocument.Parse(File.ReadAllText(RepositoryFiles.PathOf("Tests", "Goldens", "manifest.json")));
        config = manifest.RootElement.GetProperty("cases").EnumerateArray().Single(c => c.GetProperty("name").GetString() == name).GetRawText();
        return RepositoryFiles.PathOf("Tests", "Goldens", $"{name}.safetensors");
    }
}
