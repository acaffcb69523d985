using GpuTransformer.Host;

namespace GpuTransformer.Modules;

/// <summary>
/// Masked training and writing in a few passes: a random share of the tokens is hidden, and the loss is the mean over these of −ln softmax(logits) at the
/// token, weighted by the share. Keys: <c>net.…</c>, and <c>null_embed</c>, <c>to_self_cond.weight</c>, <c>token_critic.…</c> where there are such.
/// </summary>
/// <remarks>Ghazvininejad et al. 2019, "Mask-Predict"; Chang et al. 2022, "MaskGIT"; Lezama et al. 2022 for the critic.</remarks>
public sealed partial class NonAutoregressiveWrapper : Module
{
    private readonly Tensor? _nullEmbed; // [dim]
    private readonly Linear? _toSelfCond;
    private readonly SelfCritic? _selfCritic;
    private readonly TransformerWrapper? _tokenCritic;

    /// <summary>A wrapper around a model, which it owns from then on.</summary>
    /// <param name="net">The model. Its stack sees the whole sequence, as an <see cref="Encoder"/> does, and MaxSeqLen is every sequence's length.</param>
    /// <param name="options">What is hidden, and how.</param>
    /// <param name="tokenCritic">A model with one logit for each token, LogitsDim = 1, that learns which were guessed wrong; null for none.</param>
    /// <param name="seed">For the parameters of its own.</param>
    /// <exception cref="ArgumentException">
    /// An option is out of range, the model has no logits for each token or no MaxSeqLen, its embeddings cannot be summed, or there are two critics.
    /// </exception>
    public NonAutoregressiveWrapper(
        TransformerWrapper net, NonAutoregressiveWrapperOptions options, TransformerWrapper? tokenCritic = null, int seed = 0)
        : base(Like(net, seed))
    {
        using StepScope construction = Device.BeginConstruction();
        ArgumentNullException.ThrowIfNull(options);
        options.Validate(net.Options.NumTokens);
        Check(net, options, tokenCritic);
        Options = options;
        ParameterInitializer initializer = Like(net, seed);
        if (options.SelfCond)
            _nullEmbed = AddParameter("null_embed", initializer.Normal([net.EmbDim]));
        Net = AddChild("net", net);
        if (options.SelfCond)
            _toSelfCond = AddChild("to_self_cond", new Linear(net.EmbDim, net.EmbDim, bias: false, initializer));
        if (tokenCritic is not null)
            _tokenCritic = AddChild("token_critic", tokenCritic);
        if (options.SelfTokenCritic)
            _selfCritic = AddChild("token_critic", new SelfCritic(net, initializer));
        construction.Complete();
    }

    /// <summary>The model.</summary>
    public TransformerWrapper Net { get; }

    /// <summary>What is hidden, and how.</summary>
    public NonAutoregressiveWrapperOptions Options { get; }

    /// <summary>The losses of a batch; in training they are drawn anew in each step, otherwise by the seed.</summary>
    /// <param name="ids">Int32 or Int64 [batch, MaxSeqLen].</param>
    /// <param name="context">[batch, contextLength, CrossAttn.DimContext], for a stack with cross-attention.</param>
    /// <param name="contextMask">bool [batch, contextLength].</param>
    /// <param name="seed">What is hidden outside training: the same seed hides the same.</param>
    /// <exception cref="ArgumentException">A shape, data type, device or id does not fit, or an argument is missing or superfluous.</exception>
    public NonAutoregressiveLosses Losses(Tensor ids, Tensor? context = null, Tensor? contextMask = null, int seed = 0)
    {
        var inputs = new TokenInputs(ids) { Context = context, ContextMask = contextMask };
        inputs.Check(Net);
        if (inputs.Length != Net.Options.MaxSeqLen)
            throw ForwardChecks.Wrong(nameof(ids), $"'ids' has shape {ids.Shape}, but every sequence has MaxSeqLen = {Net.Options.MaxSeqLen} tokens.");
        Func<float> uniform = Uniform(seed);
        using InferenceScope scope = InferenceScope.Begin(Device);
        long[] right = ids.ToInt64Array();
        HiddenTokens hidden = HiddenTokens.Draw(right, inputs.Length, Net.Options.NumTokens, Options, uniform);
        TokenInputs read = inputs with { Ids = Tensor.From(Device, ids.Shape, hidden.Ids) };
        Tensor logits = Net.Forward(read with { SumEmbeds = SelfCondition(read, uniform) });
        Tensor generator = GeneratorLoss(logits, ids, hidden);
        Tensor? critic = HasCritic ? CriticLoss(inputs, logits, right, hidden, uniform) : null;
        Tensor loss = critic is null ? generator : generator + critic * Options.CriticLossWeight;
        return new NonAutoregressiveLosses(scope.Keep(loss), scope.Keep(generator), critic is null ? null : scope.Keep(critic));
    }

    /// <summary>The first of <see cref="Losses"/>: what training makes small.</summary>
    /// <inheritdoc cref="Losses"/>
    /// <returns>A float32 scalar.</returns>
    public Tensor Loss(Tensor ids, Tensor? context = null, Tensor? contextMask = null, int seed = 0) => Losses(ids, context, contextMask, seed).Loss;

    /// <inheritdoc/>
    public override Tensor Invoke(CallArguments arguments)
    {
        ArgumentNullException.ThrowIfNull(arguments);
        (Tensor ids, Tensor? context, Tensor? contextMask) = (arguments.Required("x"), arguments.Optional("context"), arguments.Optional("context_mask"));
        arguments.CheckAllUsed(nameof(NonAutoregressiveWrapper));
        return Loss(ids, context, contextMask);
    }

    private bool HasCritic => _selfCritic is not null || _tokenCritic is not null;

    private static ParameterInitializer Like(TransformerWrapper net, int seed)
    {
        ArgumentNullException.ThrowIfNull(net);
        return TransformerWrapper.Initializer(net.AttnLayers, ~seed);
    }

    private static void Check(TransformerWrapper net, NonAutoregressiveWrapperOptions options, TransformerWrapper? critic)
    {
        TransformerWrapperOptions inner = net.Options;
        if (inner.ReturnOnlyEmbed || inner.AveragePoolEmbed || inner.UseClsToken || inner.SqueezeOutLastDim || inner.AttnPool || inner.NumOutputHeads > 1)
            throw new ArgumentException(
                "A masked loss needs one head of logits for every token: switch ReturnOnlyEmbed, AveragePoolEmbed, UseClsToken, SqueezeOutLastDim, AttnPool "
                + "and NumOutputHeads off.",
                nameof(net));
        if (inner.MaxSeqLen == 0)
            throw new ArgumentException(
                "MaxSeqLen = 0, but every sequence has as many tokens; set MaxSeqLen, and UseAbsPosEmb = false for no table.", nameof(net));
        if (options.SelfCond && net.EmbDim != net.AttnLayers.Options.Dim)
            throw new ArgumentException(
                $"SelfCond adds the stack's output, Dim = {net.AttnLayers.Options.Dim} wide, to the embeddings, EmbDim = {net.EmbDim} wide; both must be "
                + "equal.",
                nameof(net));
        if (critic is not null && options.SelfTokenCritic)
            throw new ArgumentException("SelfTokenCritic and 'tokenCritic' exclude each other; there is one critic.", nameof(options));
        if (critic is not null && (critic.Options.LogitsDim != 1 || critic.Options.ReturnOnlyEmbed || critic.Options.SqueezeOutLastDim))
            throw ForwardChecks.Wrong("tokenCritic", "'tokenCritic' needs one logit for each token: LogitsDim = 1, without SqueezeOutLastDim.");
    }

    private Func<float> Uniform(int seed)
    {
        if (Device.Training is { } streams)
            return streams.NextUniform;
        var random = new Random(seed);
        return random.NextSingle;
    }

    // [batch, sequence, embDim]: of a pass without, or of nothing.
    private Tensor? SelfCondition(TokenInputs read, Func<float> uniform)
    {
        if (_toSelfCond is null)
            return null;
        return uniform() < Options.SelfCondTrainProb ? _toSelfCond.Forward(Before(read)) : Nothing(read);
    }

    private Tensor Before(TokenInputs read)
    {
        using StepScope pause = Device.NoGradient();
        return Net.Embeddings(read);
    }

    private Tensor Nothing(TokenInputs read)
    {
        Tensor projected = _toSelfCond!.Forward(Computed(_nullEmbed!).Reshape([1, 1, Net.EmbDim]));
        return projected.Expand([read.Batch, read.Length, Net.EmbDim]);
    }

    private Tensor GeneratorLoss(Tensor logits, Tensor ids, HiddenTokens hidden)
    {
        (int batch, int length) = (ids.Shape[0], ids.Shape[1]);
        Tensor wide = logits.As(DType.Float32);
        Tensor surprise = wide.LogSumExp(-1) - wide.Gather(-1, ids.Reshape([batch, length, 1])).Reshape([batch, length]);
        int count = Math.Max(1, hidden.Mask.Count(static isHidden => isHidden));
        float[] weights = [.. hidden.Mask.Select((isHidden, i) => isHidden ? Weight(hidden.Times[i / length], length) / count : 0f)];
        return (surprise * Tensor.From(Device, [batch, length], weights)).Sum();
    }

    // At least one token is hidden, however late it is: the weight ends there too.
    private float Weight(double time, int length)
        => Options.UseSimpleMdlmLossWeight ? (float)(Options.Shrinking(time) / Math.Max(Options.Hidden(time), 1.0 / length)) : 1f;

    // Binary cross-entropy of "this token was guessed wrong", over all tokens.
    private Tensor CriticLoss(TokenInputs inputs, Tensor logits, long[] right, HiddenTokens hidden, Func<float> uniform)
    {
        int[] guessed = GumbelSampler.Draw(logits.ToArray(), logits.Shape[2], uniform(), uniform);
        int[] read = [.. right.Select((id, i) => hidden.Mask[i] ? guessed[i] : checked((int)id))];
        Tensor scores = Criticise(inputs with { Ids = Tensor.From(Device, inputs.Ids.Shape, read) });
        Tensor wrong = Tensor.From(Device, inputs.Ids.Shape, [.. read.Select((id, i) => id == right[i] ? 0f : 1f)]);
        return -(wrong * LogSigmoid.Of(scores) + (1f - wrong) * LogSigmoid.Of(-scores)).Mean();
    }

    private Tensor Criticise(TokenInputs inputs)
        => _selfCritic?.Forward(inputs) ?? _tokenCritic!.Forward(inputs).Reshape(inputs.Ids.Shape);
}
