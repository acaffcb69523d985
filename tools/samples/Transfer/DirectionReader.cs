using GpuTransformer.Host;
using GpuTransformer.Modules;

namespace GpuTransformer.Samples;

/// <summary>
/// A new decoder over an encoder from a checkpoint: one learned query of width 32 attends the encoder's tokens at their width of 96. Keys of the encoder's part
/// are those of <see cref="MaskedAutoencoder"/>, so its checkpoint fits.
/// </summary>
internal sealed class DirectionReader : Module
{
    public const int EncoderDim = 96, EncoderDepth = 2, DecoderDim = 32;

    private readonly Linear _patchToEmbedding;
    private readonly Encoder _encoder;
    private readonly CrossAttender _decoder;
    private readonly Linear _directions;
    private readonly Tensor _query;     // [1, 1, decoderDim]
    private readonly Tensor _positions; // [patches · encoderDim]

    public DirectionReader(ParameterInitializer initializer)
        : base(initializer)
    {
        _query = AddParameter("query", initializer.Normal([1, 1, DecoderDim], 0.02f));
        _patchToEmbedding = AddChild("patch_to_embedding", new Linear(Gratings.PatchDim, EncoderDim, bias: true, initializer));
        _encoder = AddChild("encoder",
            new Encoder(new AttentionLayersOptions { Dim = EncoderDim, Depth = EncoderDepth, Heads = 4, Attn = new() { DimHead = 32 } }, initializer));
        _decoder = AddChild("decoder",
            new CrossAttender(new AttentionLayersOptions { Dim = DecoderDim, Depth = 1, Heads = 4,
                CrossAttn = new() { DimHead = 16, DimContext = EncoderDim } }, initializer));
        _directions = AddChild("directions", new Linear(DecoderDim, Gratings.Directions, bias: true, initializer));
        _positions = AddConstant(Tensor.Persistent(Device, [Gratings.Patches * EncoderDim]));
        _positions.Write(SineCosinePositions.Grid(Gratings.Grid, Gratings.Grid, EncoderDim));
    }

    /// <summary>Takes the encoder, and what leads to it, from a masked autoencoder's checkpoint.</summary>
    public void LoadEncoder(SafetensorsReader checkpoint)
    {
        _patchToEmbedding.LoadStateDict(checkpoint, "patch_to_embedding.");
        _encoder.LoadStateDict(checkpoint, "encoder.");
    }

    /// <summary>Whether a parameter belongs to the encoder, which stays as it was loaded.</summary>
    public static bool IsEncoder(string name) => name.StartsWith("encoder.", StringComparison.Ordinal)
        || name.StartsWith("patch_to_embedding.", StringComparison.Ordinal);

    /// <summary>The scores of the directions [batch, 8].</summary>
    /// <param name="patches">[batch, 16, 16]</param>
    public Tensor Forward(Tensor patches)
    {
        int batch = patches.Shape[0];
        Tensor tokens = _patchToEmbedding.Forward(patches);
        tokens = Operators.ScaleAndShift(tokens.Reshape([batch, _positions.Shape[0]]), null, _positions).Reshape(tokens.Shape);
        Tensor query = Operators.Embedding(_query.Reshape([1, DecoderDim]), Tensor.From(Device, [batch, 1], new int[batch]));
        return _directions.Forward(_decoder.Forward(query, context: _encoder.Forward(tokens))).Reshape([batch, Gratings.Directions]);
    }
}
