using GpuTransformer.Host;

namespace GpuTransformer.Modules;

/// <summary>
/// Sequence to sequence: an encoder's tokens are the context of a causal decoder, whose next-token loss is the output. Keys: <c>encoder.…</c>,
/// <c>decoder.net.…</c>; with TieTokenEmb the one token table is under both.
/// </summary>
/// <remarks>Vaswani et al. 2017.</remarks>
public sealed class XTransformer : Module
{
    /// <summary>A model with x-transformers' initialisation.</summary>
    /// <param name="options">What it is.</param>
    /// <param name="device">Where it runs.</param>
    /// <param name="seed">The same seed gives the same parameters on every device.</param>
    /// <param name="dtype">What parameters and activations are stored as.</param>
    /// <exception cref="ArgumentException">The options contradict each other; the message names them.</exception>
    public XTransformer(XTransformerOptions options, ComputeDevice device, int seed = 0, DType dtype = DType.Float32)
        : this(options, new ParameterInitializer(device, seed, dtype))
    {
    }

    /// <summary>A model as a part of another model.</summary>
    /// <param name="options">What it is.</param>
    /// <param name="initializer">What the outer model draws its parameters from.</param>
    /// <exception cref="ArgumentException">The options contradict each other; the message names them.</exception>
    public XTransformer(XTransformerOptions options, ParameterInitializer initializer)
        : base(initializer)
    {
        using StepScope construction = Device.BeginConstruction();
        ArgumentNullException.ThrowIfNull(options);
        options.Validate();
        Options = options;
        var encoder = new Encoder(options.EncoderLayers, initializer);
        Encoder = AddChild("encoder", new TransformerWrapper(options.Encoder with { ReturnOnlyEmbed = true }, encoder, initializer));
        var decoder = new Decoder(options.DecoderLayers.Attending(options.EncoderLayers.Dim), initializer);
        var net = new TransformerWrapper(options.Decoder, decoder, options.TieTokenEmb ? Encoder.TokenEmbedding : null, initializer);
        Decoder = AddChild(
            "decoder", new AutoregressiveWrapper(net, new AutoregressiveWrapperOptions { IgnoreIndex = options.IgnoreIndex, PadValue = options.PadValue }));
        construction.Complete();
    }

    /// <summary>What it is.</summary>
    public XTransformerOptions Options { get; }

    /// <summary>What reads the source.</summary>
    public TransformerWrapper Encoder { get; }

    /// <summary>What writes the target.</summary>
    public AutoregressiveWrapper Decoder { get; }

    /// <summary>The mean loss of the target's next tokens, given the source.</summary>
    /// <param name="source">Int32 or Int64 [batch, sourceLength].</param>
    /// <param name="target">Int32 or Int64 [batch, targetLength], at least two tokens long; IgnoreIndex where there is no target.</param>
    /// <param name="mask">bool [batch, sourceLength]: the source's visible tokens, for encoder and decoder.</param>
    /// <returns>A float32 scalar.</returns>
    /// <exception cref="ArgumentException">A shape, data type, device or id does not fit.</exception>
    public Tensor Loss(Tensor source, Tensor target, Tensor? mask = null)
    {
        using InferenceScope scope = InferenceScope.Begin(Device);
        Tensor context = Encoder.Forward(source, mask);
        Tensor? visible = Options.CrossAttnTokensDropout > 0 && Device.Training is { } random
            ? ContextDropout.Mask(context, mask, Options.CrossAttnTokensDropout, random)
            : mask;
        return scope.Keep(Decoder.Loss(target, context: context, contextMask: visible));
    }

    /// <summary>Writes a target token by token.</summary>
    /// <param name="source">Int32 or Int64 [batch, sourceLength].</param>
    /// <param name="start">Int32 or Int64 [batch, startLength]: how each target begins.</param>
    /// <param name="length">How many tokens to write.</param>
    /// <param name="mask">bool [batch, sourceLength]: the source's visible tokens.</param>
    /// <param name="options">How tokens are chosen; null for x-transformers' defaults.</param>
    /// <returns>Int32 [batch, length]</returns>
    /// <exception cref="ArgumentException">A shape, data type, device or id does not fit, or there are not as many positions.</exception>
    public Tensor Generate(Tensor source, Tensor start, int length, Tensor? mask = null, GenerationOptions? options = null)
    {
        using InferenceScope scope = InferenceScope.Begin(Device);
        return scope.Keep(Decoder.Generate(new TokenInputs(start) { Context = Encoder.Forward(source, mask), ContextMask = mask }, length, options));
    }

    /// <inheritdoc/>
    public override Tensor Invoke(CallArguments arguments)
    {
        ArgumentNullException.ThrowIfNull(arguments);
        (Tensor source, Tensor target, Tensor? mask) = (arguments.Required("src"), arguments.Required("tgt"), arguments.Optional("mask"));
        arguments.CheckAllUsed(nameof(XTransformer));
        return Loss(source, target, mask);
    }
}
