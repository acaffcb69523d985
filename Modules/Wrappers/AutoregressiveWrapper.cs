using GpuTransformer.Host;

namespace GpuTransformer.Modules;

/// <summary>
/// Next-token training: the mean over the targets x[b, i + 1] that are not IgnoreIndex of −ln softmax(logits[b, i]) at the target. The whole sequence goes
/// through the model and its last logits are left out. Keys: <c>net.…</c>.
/// </summary>
public sealed partial class AutoregressiveWrapper : Module
{
    /// <summary>A wrapper around a model, which it owns from then on.</summary>
    /// <param name="net">The model. Its stack hides what comes later, as a <see cref="Decoder"/> does: otherwise tokens would see their own target.</param>
    /// <param name="options">What is no target; null for x-transformers' defaults.</param>
    /// <exception cref="ArgumentException">
    /// The stack sees later tokens, the model has no logits for each token, or PadValue is not one of its tokens.
    /// </exception>
    public AutoregressiveWrapper(TransformerWrapper net, AutoregressiveWrapperOptions? options = null)
        : base(Like(net))
    {
        Options = options ?? new AutoregressiveWrapperOptions();
        TransformerWrapperOptions inner = net.Options;
        if (Options.PadValue < 0 || Options.PadValue >= inner.NumTokens)
            throw new ArgumentException(
                $"PadValue = {Options.PadValue} is read by the model, so it must be one of its tokens: 0 to {inner.NumTokens - 1}.", nameof(options));

        NextTokenNet.Check(net);
        Net = AddChild("net", net);
    }

    /// <summary>The model.</summary>
    public TransformerWrapper Net { get; }

    /// <summary>What is no target.</summary>
    public AutoregressiveWrapperOptions Options { get; }

    /// <summary>The mean loss of the sequences.</summary>
    /// <param name="ids">Int32 or Int64 [batch, sequence], at least two tokens long; each in [0, NumTokens) or IgnoreIndex.</param>
    /// <param name="mask">
    /// bool [batch, sequence]: what the model sees. Hidden tokens are targets all the same; make them IgnoreIndex if they shall not be.
    /// </param>
    /// <param name="context">[batch, contextLength, CrossAttn.DimContext], for a stack with cross-attention.</param>
    /// <param name="contextMask">bool [batch, contextLength].</param>
    /// <returns>A float32 scalar; zero if there is no target.</returns>
    /// <exception cref="ArgumentException">A shape, data type, device or id does not fit, or an argument is missing or superfluous.</exception>
    public Tensor Loss(Tensor ids, Tensor? mask = null, Tensor? context = null, Tensor? contextMask = null)
        => Loss(new TokenInputs(ids) { Mask = mask, Context = context, ContextMask = contextMask });

    /// <inheritdoc cref="Loss(Tensor, Tensor?, Tensor?, Tensor?)"/>
    /// <param name="inputs">The tokens and everything that goes with them.</param>
    /// <param name="lens">Integers [batch]: how long each right-padded sequence is. What is behind it is hidden, and no target; excludes a mask.</param>
    public Tensor Loss(TokenInputs inputs, Tensor? lens = null)
    {
        using InferenceScope scope = InferenceScope.Begin(Device);
        Tensor loss = Run(inputs, lens).Loss;
        inputs.KeepAsked(scope);
        return scope.Keep(loss);
    }

    /// <summary>The mean loss and the logits [batch, sequence − 1, logits] that it is of.</summary>
    /// <exception cref="ArgumentException">As for <see cref="Loss(TokenInputs, Tensor?)"/>.</exception>
    public (Tensor Loss, Tensor Logits) LossAndLogits(TokenInputs inputs, Tensor? lens = null)
    {
        using InferenceScope scope = InferenceScope.Begin(Device);
        (Tensor loss, Tensor logits) = Run(inputs, lens);
        inputs.KeepAsked(scope);
        return (scope.Keep(loss), scope.Keep(Operators.SliceRows(logits, 0, logits.Shape[1] - 1)));
    }

    /// <inheritdoc/>
    public override Tensor Invoke(CallArguments arguments)
    {
        ArgumentNullException.ThrowIfNull(arguments);
        TokenInputs inputs = TokenInputs.From(arguments);
        Tensor? lens = arguments.Optional("lens");
        arguments.Flag("return_outputs");
        arguments.CheckAllUsed(nameof(AutoregressiveWrapper));
        return Loss(inputs, lens);
    }

    private static ParameterInitializer Like(TransformerWrapper net)
    {
        ArgumentNullException.ThrowIfNull(net);
        return new ParameterInitializer(net.Device, 0, net.DType);
    }

    private (Tensor Loss, Tensor Logits) Run(TokenInputs inputs, Tensor? lens)
    {
        ArgumentNullException.ThrowIfNull(inputs);
        Check(inputs, lens);
        TokenInputs read = inputs with { ExcisePrependEmbeds = inputs.PrependEmbeds is not null };

        if (lens is not null)
            read = read with { Mask = SequenceMasks.UpTo(lens, read.Length) };
        if (Options.MaskProb > 0 && Device.Training is { } random)
            read = RandomKeyMask.In(read, Options.MaskProb, random);
        if (Net.Options.Looped || Net.Options.AddContinuousPredHead)
            return RunWithMore(read, lens);

        // Where the model gives logarithms of probabilities in place of logits it is the same loss: their softmax are the probabilities again.

        // What the model reads and what it is to say are the same ids, unless some of them are ignored: nothing is read back or made on the host.
        if (lens is null && !inputs.Ids.MayHold(Options.IgnoreIndex))
        {
            (Tensor all, Tensor? more) = Forward(read);
            return (Plus(Operators.NextTokenCrossEntropy(all, inputs.Ids, Options.IgnoreIndex), more), all);
        }

        long[] ids = Targets(ref read, lens);
        (Tensor logits, Tensor? zLoss) = Forward(read);
        return (Plus(Operators.NextTokenCrossEntropy(logits, Upload(inputs, ids), Options.IgnoreIndex), zLoss), logits);
    }

    private (Tensor Logits, Tensor? ZLoss) Forward(TokenInputs read)
    {
        if (!Options.AddAttnZLoss)
            return (Net.Forward(read), null);
        (Tensor logits, Tensor loss) = Net.ForwardWithZLoss(read);
        return (logits, loss);
    }

    private static Tensor Plus(Tensor loss, Tensor? more) => more is null ? loss : loss + more.Reshape(loss.Shape);

    // More than the logits of one pass: those of each, or the next embeddings.
    private (Tensor Loss, Tensor Logits) RunWithMore(TokenInputs read, Tensor? lens)
    {
        long[] ids = Targets(ref read, lens);
        NextTokenOutputs outputs = Net.NextTokens(read);
        Tensor loss = outputs.Passes.Count > 0
            ? LoopedLoss.Of(outputs.Passes, ids, Options)
            : Operators.NextTokenCrossEntropy(outputs.Logits, Upload(read, ids), Options.IgnoreIndex);
        if (outputs.NextEmbeddings is not null)
            loss += NextEmbeddingHead.Loss(outputs.NextEmbeddings, outputs.Embedded!, ids, Options.IgnoreIndex) * Options.NextEmbedLossWeight;
        return (loss, outputs.Logits);
    }

    // What the model is to say; it reads padding where a token is ignored.
    private long[] Targets(ref TokenInputs read, Tensor? lens)
    {
        long[] ids = read.Ids.ToInt64Array();
        if (lens is not null)
            HideBehind(ids, lens.ToInt64Array(), read.Length);
        if (ids.Contains(Options.IgnoreIndex))
            read = read with { Ids = Upload(read, Array.ConvertAll(ids, id => id == Options.IgnoreIndex ? Options.PadValue : id)) };
        return ids;
    }

    private void Check(TokenInputs inputs, Tensor? lens)
    {
        inputs.Check(Net);
        if (inputs.Length < 2)
            throw new ArgumentException($"'ids' has shape {inputs.Ids.Shape}, but a next token needs at least two.", nameof(inputs));
        if (inputs.PrefixAttnLen is { Count: > 0 })
            throw new ArgumentException(
                "'prefixAttnLen' lets tokens of the prefix see their own target; train on what follows the prefix with a loss of your own.", nameof(inputs));
        if (inputs.SeqStartPos is not null && Options.MaskProb > 0)
            throw new ArgumentException(
                $"'seqStartPos' says which keys self-attention sees, and so does MaskProb = {Options.MaskProb}; pad to the right, or leave one out.",
                nameof(inputs));
        if (lens is null)
            return;
        SequenceMasks.CheckLens(this, lens, inputs.Batch);
        if (inputs.Mask is not null)
            throw new ArgumentException("'lens' and 'mask' both say what the model sees; give one of them.", nameof(lens));
    }

    private void HideBehind(long[] ids, long[] lens, int length)
    {
        for (int i = 0; i < ids.Length; i++)
        {
            if (i % length >= lens[i / length])
                ids[i] = Options.IgnoreIndex;
        }
    }

    private Tensor Upload(TokenInputs inputs, long[] ids) => Tensor.From(Device, inputs.Ids.Shape, ids);
}
