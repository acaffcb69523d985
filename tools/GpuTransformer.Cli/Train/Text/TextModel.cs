using System.Text.Json;
using System.Text.Json.Nodes;
using GpuTransformer.Host;
using GpuTransformer.Modules;

namespace GpuTransformer.Cli.Train.Text;

/// <summary>
/// A model of bytes: a decoder with rotary positions, RMSNorm and a feedforward gated by Swish, described as x-transformers would be told. It is built from
/// this description, so the one that is saved beside its parameters is the model's own.
/// </summary>
internal static class TextModel
{
    /// <summary>Every byte is a token.</summary>
    public const int Bytes = 256;

    /// <summary>The least part of a head that x-transformers turns.</summary>
    public const int RotaryWidth = 32;

    /// <summary>The model without its loss, for <c>run</c>, <c>inspect</c> and x-transformers.</summary>
    public static JsonObject Describe(TextSettings settings) => Class("TransformerWrapper", new JsonObject
    {
        ["num_tokens"] = Bytes,
        ["max_seq_len"] = settings.Length,
        ["attn_layers"] = Class("Decoder", new JsonObject
        {
            ["dim"] = settings.Dim,
            ["depth"] = settings.Depth,
            ["heads"] = settings.Heads,
            ["attn_dim_head"] = settings.DimHead,

            // Without it x-transformers has one head be as wide as the model.
            ["attn_project_out"] = true,
            ["attn_dropout"] = settings.Dropout,
            ["rotary_pos_emb"] = true,
            ["use_rmsnorm"] = true,
            ["ff_glu"] = true,
            ["ff_swish"] = true,
            ["ff_no_bias"] = true,
            ["ff_mult"] = settings.FfMult,
            ["ff_dropout"] = settings.Dropout,
        }),
    });

    /// <summary>The model with its loss.</summary>
    public static AutoregressiveWrapper Create(TextSettings settings, ComputeDevice device)
    {
        JsonElement description = JsonSerializer.SerializeToElement(Describe(settings));
        return new AutoregressiveWrapper((TransformerWrapper)ModuleFactory.Create(description, device, settings.Seed));
    }

    private static JsonObject Class(string name, JsonObject kwargs) => new() { ["class"] = name, ["kwargs"] = kwargs };
}
