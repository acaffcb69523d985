using GpuTransformer.Host;
using GpuTransformer.Modules;

namespace GpuTransformer.Cli.Train.Copy;

/// <summary>
/// An encoder of one width and a causal decoder of another that attends it through rectangular key and value weights. The decoder begins with a start symbol,
/// the one after the last.
/// </summary>
internal sealed class CopyModel : Module
{
    private readonly SymbolEmbedding _source;
    private readonly SymbolEmbedding _target;
    private readonly Encoder _encoder;
    private readonly Decoder _decoder;
    private readonly Linear _toLogits;

    public CopyModel(CopySettings settings, ParameterInitializer initializer)
        : base(initializer)
    {
        Start = settings.Symbols;
        _source = AddChild("source", new SymbolEmbedding(settings.Symbols, settings.SourceLength, settings.EncoderDim, initializer));
        _encoder = AddChild("encoder", new Encoder(
            new AttentionLayersOptions { Dim = settings.EncoderDim, Depth = settings.EncoderDepth, Heads = settings.Heads,
                Attn = new() { DimHead = settings.DimHead } }, initializer));
        _target = AddChild("target", new SymbolEmbedding(settings.Symbols + 1, settings.SourceLength, settings.DecoderDim, initializer));
        _decoder = AddChild("decoder", new Decoder(
            new AttentionLayersOptions
            {
                Dim = settings.DecoderDim,
                Depth = settings.DecoderDepth,
                Heads = settings.Heads,
                Attn = new() { DimHead = settings.DimHead },
                CrossAttend = true,
                CrossAttn = new() { DimHead = settings.DimHead, DimContext = settings.EncoderDim },
            },
            initializer));
        _toLogits = AddChild("to_logits", new Linear(settings.DecoderDim, settings.Symbols, bias: true, initializer));
    }

    /// <summary>What the decoder sees before its first symbol.</summary>
    public int Start { get; }

    /// <summary>What the decoder attends.</summary>
    /// <param name="source">Int32 [batch, length]</param>
    /// <returns>[batch, length, encoderDim]</returns>
    public Tensor Encode(Tensor source)
    {
        using InferenceScope scope = InferenceScope.Begin(Device);
        return scope.Keep(_encoder.Forward(_source.Forward(source)));
    }

    /// <summary>Scores for the symbol after each.</summary>
    /// <param name="before">Int32 [batch, n]: the start symbol and those that follow.</param>
    /// <param name="context">What <see cref="Encode"/> gave.</param>
    /// <returns>[batch, n, symbols]</returns>
    public Tensor Decode(Tensor before, Tensor context)
    {
        using InferenceScope scope = InferenceScope.Begin(Device);
        return scope.Keep(_toLogits.Forward(_decoder.Forward(_target.Forward(before), context)));
    }
}
