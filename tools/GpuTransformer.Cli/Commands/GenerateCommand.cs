using System.CommandLine;
using System.Diagnostics;
using System.Text;
using GpuTransformer.Cli.Reporting;
using GpuTransformer.Host;
using GpuTransformer.Modules;
using Decoder = System.Text.Decoder;

namespace GpuTransformer.Cli.Commands;

/// <summary>What <c>generate</c> wrote, and how fast.</summary>
/// <param name="Text">The written text, without the prompt.</param>
/// <param name="Tokens">How many tokens that is.</param>
/// <param name="SecondsToFirstToken">From the call to the first token, the prompt's pass and compilation included.</param>
/// <param name="TokensPerSecond">Of the tokens after the first.</param>
internal sealed record GenerationReport(string Text, int Tokens, double SecondsToFirstToken, double TokensPerSecond);

/// <summary><c>generate</c>: a text model of bytes goes on with a prompt, token by token.</summary>
internal static class GenerateCommand
{
    private const int Bytes = 256;

    public static Command Create()
    {
        Option<FileInfo> config = SharedOptions.Existing(
            "--config", "the model: {\"class\": \"TransformerWrapper\", …} with x-transformers' names; train text writes model.json", required: true);
        Option<FileInfo> checkpoint = SharedOptions.Existing(
            "--checkpoint", "its parameters, safetensors; train text writes model.safetensors", required: true);
        Option<string?> prefix = ModelFiles.Prefix();
        var prompt = new Option<string>("--prompt") { Description = "what the text begins with, at least one byte", HelpName = "TEXT", Required = true };
        Option<int> tokens = SharedOptions.Size("--tokens", "tokens to write at most", 200);
        var temperature = new Option<float>("--temperature") { Description = "0 takes the most likely token", DefaultValueFactory = static _ => 0.8f };
        var topK = new Option<int?>("--top-k") { Description = "draw from this many most likely tokens (default: a tenth of all)", HelpName = "N" };
        var topP = new Option<double?>("--top-p") { Description = "draw from the most likely tokens that have this share together", HelpName = "P" };
        var minP = new Option<double?>("--min-p") { Description = "draw from tokens at least so likely, as a part of the most likely", HelpName = "P" };
        var stop = new Option<int?>("--stop-token") { Description = "a token that ends the text: 10 is the end of a line", HelpName = "N" };
        var seed = new Option<int>("--seed") { Description = "the same seed draws the same text", DefaultValueFactory = static _ => 1 };
        var uncached = new Option<bool>("--no-cache") { Description = "run the whole text anew for each token" };
        Option<string?> device = SharedOptions.Device();
        Option<FileInfo?> json = SharedOptions.Json();
        var command = new Command("generate", "Let a model of bytes go on with a prompt; the text streams to the output.")
        {
            config, checkpoint, prefix, prompt, tokens, temperature, topK, topP, minP, stop, seed, uncached, device, json,
        };
        return command.Runs(invocation =>
        {
            var options = new GenerationOptions
            {
                Temperature = invocation.Get(temperature), TopK = invocation.Get(topK), TopP = invocation.Get(topP), MinP = invocation.Get(minP),
                EosToken = invocation.Get(stop), Seed = invocation.Get(seed), CacheKv = !invocation.Get(uncached),
            };
            using ComputeDevice opened = ComputeDevice.Create(invocation.Get(device));
            using Module module = ModelFiles.Create(invocation.Require(config), opened);
            using AutoregressiveWrapper model = OfBytes(module);
            ModelFiles.Load(module, invocation.Require(checkpoint), invocation.Get(prefix));
            byte[] given = Encoding.UTF8.GetBytes(invocation.Require(prompt));
            if (given.Length == 0)
                throw new UsageException("--prompt is empty, but the first token needs something to follow.");
            GenerationReport report = Write(invocation, model, given, invocation.Require(tokens), options);
            JsonFile.Write(invocation.Get(json), report);
            return ExitCode.Pass;
        });
    }

    private static AutoregressiveWrapper OfBytes(Module module)
    {
        AutoregressiveWrapper? model = module as AutoregressiveWrapper ?? (module is TransformerWrapper wrapper ? new AutoregressiveWrapper(wrapper) : null);
        if (model is null || model.Net.Options.NumTokens != Bytes)
        {
            throw new UsageException(
                $"--config describes a {module.GetType().Name}{(model is null ? "" : $" of {model.Net.Options.NumTokens} tokens")}, but a model of bytes is a "
                + $"TransformerWrapper or an AutoregressiveWrapper with num_tokens = {Bytes}.");
        }

        return model;
    }

    private static GenerationReport Write(Invocation invocation, AutoregressiveWrapper model, byte[] prompt, int count, GenerationOptions options)
    {
        using Tensor ids = Tensor.From(model.Device, [1, prompt.Length], Array.ConvertAll(prompt, static b => (int)b));
        var text = new StringBuilder();

        // A character may take several bytes; what is no text shows as such.
        Decoder decoder = Encoding.UTF8.GetDecoder();
        var characters = new char[4];
        invocation.Terminal.Text(Encoding.UTF8.GetString(prompt));
        long start = Stopwatch.GetTimestamp(), first = start;
        int written = 0;
        foreach (int token in model.Stream(new TokenInputs(ids), count, options, invocation.Cancellation).ToBlockingEnumerable(invocation.Cancellation))
        {
            if (written++ == 0)
                first = Stopwatch.GetTimestamp();
            int length = decoder.GetChars([(byte)token], characters, flush: false);
            text.Append(characters, 0, length);
            invocation.Terminal.Text(new string(characters, 0, length));
        }

        double after = Stopwatch.GetElapsedTime(first).TotalSeconds;
        var report = new GenerationReport(
            text.ToString(), written, Stopwatch.GetElapsedTime(start, first).TotalSeconds, written > 1 && after > 0 ? (written - 1) / after : 0);
        invocation.Terminal.Line();
        invocation.Terminal.Line(
            $"{Format.Count(report.Tokens)} tokens, the first after {Format.Number(report.SecondsToFirstToken * 1e3)} ms, then "
            + $"{Format.Number(report.TokensPerSecond)} tokens/s on {model.Device}");
        return report;
    }
}
