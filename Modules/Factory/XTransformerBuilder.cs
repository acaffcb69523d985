using System.Text.Json;
using System.Text.Json.Nodes;
using GpuTransformer.Host;

namespace GpuTransformer.Modules;

/// <summary>
/// An <see cref="XTransformer"/> from x-transformers' flat options: <c>dim</c> for both sides, <c>enc_…</c> and <c>dec_…</c> for the embedding or the stack of
/// one. A name without a prefix that nobody knows is an error here; x-transformers drops it.
/// </summary>
internal static class XTransformerBuilder
{
    // Everything else with the prefix is the stack's.
    private static readonly HashSet<string> s_embedding = new(StringComparer.Ordinal)
    {
        "num_tokens", "max_seq_len", "emb_dropout", "scaled_sinu_pos_emb", "use_abs_pos_emb",
    };

    public static Module Build(JsonElement kwargs, ComputeDevice device, int seed, DType dtype)
    {
        if (kwargs.ValueKind != JsonValueKind.Object)
            throw new ArgumentException($"The kwargs of XTransformer are a JSON {kwargs.ValueKind}, not an object.", nameof(kwargs));
        var shared = new JsonObject();
        Side encoder = new("enc_", [.. s_embedding, "num_memory_tokens"]), decoder = new("dec_", s_embedding);
        foreach (JsonProperty option in kwargs.EnumerateObject())
        {
            if (!encoder.Takes(option) && !decoder.Takes(option))
                shared[option.Name] = JsonNode.Parse(option.Value.GetRawText());
        }

        SharedOptions own = OptionsJson.Read<SharedOptions>(JsonSerializer.SerializeToElement(shared), nameof(XTransformer));
        return new XTransformer(
            new XTransformerOptions
            {
                Encoder = encoder.Embedding(),
                EncoderLayers = encoder.Layers(own.Dim),
                Decoder = decoder.Embedding(),
                DecoderLayers = decoder.Layers(own.Dim),
                TieTokenEmb = own.TieTokenEmb,
                IgnoreIndex = own.IgnoreIndex,
                PadValue = own.PadValue,
                CrossAttnTokensDropout = own.CrossAttnTokensDropout,
            },
            device,
            seed,
            dtype);
    }

    /// <summary>What both sides share, without a prefix.</summary>
    internal sealed record SharedOptions
    {
        /// <summary>The width of both sides; in C# each side's stack has its own.</summary>
        [Takes(OptionRange.Positive)]
        public required int Dim { get; init; }

        /// <inheritdoc cref="XTransformerOptions.TieTokenEmb"/>
        public bool TieTokenEmb { get; init; }

        /// <inheritdoc cref="XTransformerOptions.IgnoreIndex"/>
        public int IgnoreIndex { get; init; } = -100;

        /// <inheritdoc cref="XTransformerOptions.PadValue"/>
        public int PadValue { get; init; }

        /// <inheritdoc cref="XTransformerOptions.CrossAttnTokensDropout"/>
        [Takes(OptionRange.Probability)]
        public float CrossAttnTokensDropout { get; init; }
    }

    // The options of one side, sorted into those of its embedding and those of its stack.
    private sealed class Side(string prefix, HashSet<string> embeddingNames)
    {
        private readonly JsonObject _embedding = [], _layers = [];

        public bool Takes(JsonProperty option)
        {
            if (!option.Name.StartsWith(prefix, StringComparison.Ordinal))
                return false;
            string name = option.Name[prefix.Length..];
            if (name is "dim" or "cross_attend")
                throw new ArgumentException(
                    $"XTransformer has no option '{option.Name}': 'dim' is the width of both sides, and the decoder always attends the encoder.", option.Name);
            (embeddingNames.Contains(name) ? _embedding : _layers)[name] = JsonNode.Parse(option.Value.GetRawText());
            return true;
        }

        public TransformerWrapperOptions Embedding()
            => OptionsJson.Read<TransformerWrapperOptions>(JsonSerializer.SerializeToElement(_embedding), $"XTransformer's {prefix}…");

        public AttentionLayersOptions Layers(int dim)
        {
            _layers["dim"] = dim;
            return OptionsJson.Read<AttentionLayersOptions>(JsonSerializer.SerializeToElement(_layers), $"XTransformer's {prefix}…");
        }
    }
}
