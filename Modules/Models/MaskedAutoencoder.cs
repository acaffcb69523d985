using GpuTransformer.Host;

namespace GpuTransformer.Modules;

/// <summary>
/// A masked autoencoder: the encoder sees the visible patches only, the decoder predicts the hidden ones from mask tokens at their positions.
/// Keys: <c>patch_to_embedding.*</c>, <c>encoder.*</c>, <c>mask_token</c>, <c>enc_to_dec.*</c> (unless cross-attending), <c>decoder.*</c>, <c>to_pixels.*</c>.
/// </summary>
/// <remarks>He et al. 2022 (MAE); Fu et al. 2024 (CrossMAE) for the cross-attending decoder. Positions are fixed sines and cosines on the grid.</remarks>
public sealed class MaskedAutoencoder : Module
{
    private readonly Linear _patchToEmbedding;
    private readonly Encoder _encoder;
    private readonly Linear? _squeeze;
    private readonly AttentionLayers _decoder;
    private readonly Linear _toPixels;
    private readonly Tensor _maskToken;        // [decoderDim]
    private readonly Tensor _encoderPositions; // [patches, encoderDim]
    private readonly Tensor _decoderPositions; // [patches, decoderDim]

    /// <summary>A model with x-transformers' initialisation.</summary>
    /// <exception cref="ArgumentException">The options contradict each other.</exception>
    public MaskedAutoencoder(MaskedAutoencoderOptions options, ComputeDevice device, int seed = 0)
        : this(options, new ParameterInitializer(device, seed, DType.Float32), seed)
    {
    }

    private MaskedAutoencoder(MaskedAutoencoderOptions options, ParameterInitializer initializer, int seed)
        : base(initializer)
    {
        using StepScope construction = Device.BeginConstruction();
        ArgumentNullException.ThrowIfNull(options);
        Options = options;
        bool rectangular = options.Decoder == MaskedDecoder.CrossAttending;
        _maskToken = AddParameter("mask_token", initializer.Normal([options.DecoderDim], 0.02f));
        _patchToEmbedding = AddChild("patch_to_embedding", new Linear(options.PatchDim, options.EncoderDim, bias: true, initializer));
        _encoder = AddChild("encoder", new Encoder(
            new AttentionLayersOptions { Dim = options.EncoderDim, Depth = options.EncoderDepth, Heads = options.EncoderHeads,
                Attn = new() { DimHead = options.DimHead } }, Device, seed + 1));
        if (!rectangular)
            _squeeze = AddChild("enc_to_dec", new Linear(options.EncoderDim, options.DecoderDim, bias: true, initializer));
        var decoder = new AttentionLayersOptions
        {
            Dim = options.DecoderDim, Depth = options.DecoderDepth, Heads = options.DecoderHeads, Attn = new() { DimHead = options.DimHead },
        };
        _decoder = AddChild<AttentionLayers>("decoder", options.Decoder == MaskedDecoder.SelfAttending
            ? new Encoder(decoder, Device, seed + 2)
            : new CrossAttender(decoder.Attending(rectangular ? options.EncoderDim : options.DecoderDim), Device, seed + 2));
        _toPixels = AddChild("to_pixels", new Linear(options.DecoderDim, options.PatchDim, bias: true, initializer));
        _encoderPositions = Table(options.EncoderDim);
        _decoderPositions = Table(options.DecoderDim);
        construction.Complete();
    }

    /// <summary>What it is.</summary>
    public MaskedAutoencoderOptions Options { get; }

    /// <summary>Predicts the hidden patches from the visible ones.</summary>
    /// <param name="visible">[batch, visible, patchDim]</param>
    /// <param name="visibleIndex">Int32 [batch, visible]: where they are on the grid, row-major.</param>
    /// <param name="hiddenIndex">Int32 [batch, hidden]: which patches to predict.</param>
    /// <returns>[batch, hidden, patchDim]</returns>
    /// <exception cref="ArgumentException">A shape, device or data type does not fit, or an index is off the grid.</exception>
    public Tensor Forward(Tensor visible, Tensor visibleIndex, Tensor hiddenIndex)
    {
        ArgumentNullException.ThrowIfNull(hiddenIndex);
        ForwardChecks.Input(this, visible, Options.PatchDim);
        using InferenceScope scope = InferenceScope.Begin(Device);
        Tensor tokens = Operators.Add(_patchToEmbedding.Forward(visible), Computed(Operators.Embedding(_encoderPositions, visibleIndex)));
        Tensor context = _encoder.Forward(tokens);
        Tensor queries = Computed(Operators.ScaleAndShift(Operators.Embedding(_decoderPositions, hiddenIndex), null, _maskToken));
        if (_squeeze is not null)
            context = _squeeze.Forward(context);
        Tensor decoded = Options.Decoder == MaskedDecoder.SelfAttending ? DecodeJointly(context, visibleIndex, queries) : _decoder.Forward(queries, context);
        return scope.Keep(_toPixels.Forward(decoded));
    }

    /// <inheritdoc/>
    public override Tensor Invoke(CallArguments arguments)
    {
        ArgumentNullException.ThrowIfNull(arguments);
        (Tensor visible, Tensor visibleIndex, Tensor hiddenIndex) = (
            arguments.Required("visible"), arguments.Required("visible_index"), arguments.Required("hidden_index"));
        arguments.CheckAllUsed(nameof(MaskedAutoencoder));
        return Forward(visible, visibleIndex, hiddenIndex);
    }

    // Hidden patches come first, so that their outputs are one slice.
    private Tensor DecodeJointly(Tensor context, Tensor visibleIndex, Tensor queries)
    {
        Tensor placed = Operators.Add(context, Computed(Operators.Embedding(_decoderPositions, visibleIndex)));
        return Operators.SliceRows(_decoder.Forward(Operators.Concatenate(queries, placed)), 0, queries.Shape[1]);
    }

    private Tensor Table(int dim)
    {
        Tensor table = Tensor.Persistent(Device, [Options.GridRows * Options.GridColumns, dim]);
        table.Write(SineCosinePositions.Grid(Options.GridRows, Options.GridColumns, dim));
        AddConstant(table);
        return table;
    }
}
