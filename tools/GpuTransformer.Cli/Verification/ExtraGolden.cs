using System.Globalization;
using GpuTransformer.Host;
using GpuTransformer.Modules;

namespace GpuTransformer.Cli.Verification;

/// <summary>What a case holds beside its output: steps with a cache, written tokens, memories, and what stands between the layers.</summary>
internal static class ExtraGolden
{
    // Two float32 results are compared: each may be off by PyTorch's own error.
    private const double TwoErrors = 1.5;

    // What hides a key, and what stands for it in both results here: of the size of a score, so that the others are judged as strictly as without it.
    private const double Hidden = -1e30;
    private const float HiddenScore = -100f;

    /// <summary>The outputs beside the case's own, computed here.</summary>
    public static IEnumerable<GoldenOutput> Run(
        GoldenCase golden, SafetensorsReader file, Module module, Dictionary<string, Tensor> inputs, Func<CallArguments> arguments)
    {
        using StepScope pause = module.Device.NoGradient();
        double error = TwoErrors * PlainError(golden, file);
        return module switch
        {
            TransformerWrapper wrapper => [.. OfWrapper(file, wrapper, inputs, arguments, error)],
            AutoregressiveWrapper wrapper when file.Contains("extra.generate.tokens") => [.. Written(file, wrapper, inputs)],
            XTransformer model when file.Contains("extra.generate.tokens") => [.. OfPair(file, model, inputs, error)],
            AttentionLayers stack when file.Contains("extra.layer_hiddens.0") => [.. Between(file, stack, arguments, error)],
            _ => [],
        };
    }

    private static double PlainError(GoldenCase golden, SafetensorsReader file)
        => file.Contains("output") && file.Contains("output_f64")
            ? ModuleGolden.ReadExact(file, "output", "output_f64", golden.PlainError("output")).PlainError
            : 0;

    private static IEnumerable<GoldenOutput> OfWrapper(
        SafetensorsReader file, TransformerWrapper wrapper, Dictionary<string, Tensor> inputs, Func<CallArguments> arguments, double error)
    {
        if (file.Contains("output.mems.0"))
        {
            IReadOnlyList<Tensor> mems = wrapper.ForwardWithMems(Tokens(arguments)).Mems;
            for (int i = 0; i < mems.Count; i++)
                yield return Against(file, $"output.mems.{i}", mems[i], error);
        }

        if (file.Contains("output.attn_z_loss"))
            yield return Against(file, "output.attn_z_loss", wrapper.ForwardWithZLoss(Tokens(arguments)).ZLoss, error);
        if (file.Contains("output.embeddings"))
            yield return Against(file, "output.embeddings", wrapper.Embeddings(Tokens(arguments)), error);
        if (!file.Contains("extra.prefill_logits"))
            yield break;
        Tensor ids = inputs["x"];
        int prefill = file.Ranked("extra.prefill_logits", 3)[1], length = ids.Shape[1];
        using var cache = new KeyValueCache();
        yield return Against(file, "extra.prefill_logits", wrapper.Forward(Part(0, prefill)), error);
        var steps = new List<Tensor>();
        for (int position = prefill; position < length; position++)
            steps.Add(wrapper.Forward(Part(position, 1)));
        yield return Against(file, "extra.step_logits", Operators.Concatenate(steps, 1), error);

        TokenInputs Part(int start, int count) => Tokens(arguments) with { Ids = ids.Narrow(1, start, count), Cache = cache };
    }

    // The same tokens, whether keys and values are kept or not.
    private static IEnumerable<GoldenOutput> Written(SafetensorsReader file, AutoregressiveWrapper model, Dictionary<string, Tensor> inputs)
    {
        Tensor prompt = file.ReadTensor("extra.generate.prompt", model.Device);
        Tensor? lens = file.Contains("extra.generate.prompt_lens") ? file.ReadTensor("extra.generate.prompt_lens", model.Device) : null;
        int length = file.Ranked("extra.generate.tokens", 2)[1];
        var prompts = new TokenInputs(prompt) { Context = inputs.GetValueOrDefault("context"), ContextMask = inputs.GetValueOrDefault("context_mask") };
        foreach (bool cached in new[] { true, false })
        {
            Tensor tokens = model.Generate(prompts, length, new GenerationOptions { Temperature = 0, CacheKv = cached }, lens);
            yield return Against(file, "extra.generate.tokens", tokens, 0) with { Name = $"extra.generate.tokens ({(cached ? "cached" : "uncached")})" };
        }
    }

    private static IEnumerable<GoldenOutput> OfPair(SafetensorsReader file, XTransformer model, Dictionary<string, Tensor> inputs, double error)
    {
        Tensor source = inputs["src"], start = file.ReadTensor("extra.generate.start", model.Device);
        Tensor? mask = inputs.GetValueOrDefault("mask");
        yield return Against(file, "extra.encodings", model.Encoder.Forward(source, mask), error);
        int length = file.Ranked("extra.generate.tokens", 2)[1];
        Tensor tokens = model.Generate(source, start, length, mask, new GenerationOptions { Temperature = 0 });
        yield return Against(file, "extra.generate.tokens", tokens, 0);
    }

    private static IEnumerable<GoldenOutput> Between(SafetensorsReader file, AttentionLayers stack, Func<CallArguments> arguments, double error)
    {
        CallArguments call = arguments();
        Tensor x = call.Required("x");
        var attentionInputs = new List<Tensor>();
        var layerInputs = new List<Tensor>();
        var attentions = new List<AttentionScores>();
        stack.Forward(x, new StackInputs { Hiddens = layerInputs, AttnHiddens = attentionInputs, Attentions = attentions }.Read(call));
        foreach ((string name, IReadOnlyList<Tensor> tensors) in new (string, IReadOnlyList<Tensor>)[]
        {
            ("extra.hiddens", attentionInputs), ("extra.layer_hiddens", layerInputs),
        })
        {
            for (int i = 0; i < tensors.Count; i++)
                yield return Against(file, string.Create(CultureInfo.InvariantCulture, $"{name}.{i}"), tensors[i], error);
        }

        for (int i = 0; i < attentions.Count; i++)
        {
            yield return Against(file, $"extra.attn.{i}.pre_softmax_attn", attentions[i].Scores, error);
            GoldenOutput weights = Against(file, $"extra.attn.{i}.post_softmax_attn", attentions[i].Weights, error);
            yield return weights with { Exact = OfLiving(file.ReadDoubles($"extra.attn.{i}.pre_softmax_attn"), weights.Exact, weights.Shape[^1]) };
        }
    }

    // A query that sees no key has no weights here; PyTorch gives it equal ones, and then no output.
    private static double[] OfLiving(double[] scores, double[] weights, int keys)
        => [.. scores.Chunk(keys).Zip(weights.Chunk(keys)).SelectMany(
            static row => row.First.All(static s => s < Hidden) ? new double[row.Second.Length] : row.Second)];

    private static TokenInputs Tokens(Func<CallArguments> arguments) => TokenInputs.From(arguments());

    private static GoldenOutput Against(SafetensorsReader file, string name, Tensor actual, double error)
    {
        Shape shape = file[name].Shape;
        if (actual.Shape != shape)
            throw new UsageException($"{name} has shape {actual.Shape}, x-transformers' has {shape}.");
        float[] values = Array.ConvertAll(actual.ToArray(), static v => v < Hidden ? HiddenScore : v);
        double[] exact = Array.ConvertAll(file.ReadDoubles(name), static v => v < Hidden ? HiddenScore : v);
        return new GoldenOutput(name, shape, DType.Float32, values, exact, error);
    }
}
