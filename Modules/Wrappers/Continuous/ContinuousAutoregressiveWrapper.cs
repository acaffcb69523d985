using GpuTransformer.Host;

namespace GpuTransformer.Modules;

/// <summary>
/// Next-vector training: the mean of (net(x[b, i]) − x[b, i + 1])², or of |…| with UseL1Loss, or of ½ (ln σ² + (…)² / σ²) around a probabilistic model. Keys:
/// <c>net.…</c>.
/// </summary>
/// <remarks>x-transformers' <c>ContinuousAutoregressiveWrapper</c>.</remarks>
public sealed class ContinuousAutoregressiveWrapper : Module
{
    // A variance is not taken for smaller when a vector is drawn.
    private const float SmallestVariance = 1e-5f;

    /// <summary>A wrapper around a model, which it owns from then on.</summary>
    /// <param name="net">The model. Its stack hides what comes later, as a <see cref="Decoder"/> does, and its output is as wide as its input.</param>
    /// <param name="options">Which loss it is; null for x-transformers' defaults.</param>
    /// <exception cref="ArgumentException">
    /// The stack sees later vectors, or the model does not give a vector of its input's width for each position.
    /// </exception>
    public ContinuousAutoregressiveWrapper(ContinuousTransformerWrapper net, ContinuousAutoregressiveWrapperOptions? options = null)
        : base(Like(net))
    {
        Options = options ?? new ContinuousAutoregressiveWrapperOptions();
        if (net.Options.AveragePoolEmbed)
            throw new ArgumentException("A next-vector loss needs an output for every position: switch AveragePoolEmbed off.", nameof(net));
        if (net.InputDim != net.OutputDim)
            throw new ArgumentException(
                $"The next vector is as wide as the input, DimIn = {net.InputDim}, but the model's output is {net.OutputDim} wide; "
                + $"set DimOut = {net.InputDim}.",
                nameof(net));
        if (net.AttnLayers.SeesTheFuture)
        {
            throw new ArgumentException(
                $"'net' is around an {nameof(AttentionLayers)} of class {net.AttnLayers.GetType().Name} whose self-attention sees later vectors (Causal = "
                + $"false), so every vector would see its own target. Use a {nameof(Decoder)}, or Causal = true.", nameof(net));
        }

        Net = AddChild("net", net);
    }

    /// <summary>The model.</summary>
    public ContinuousTransformerWrapper Net { get; }

    /// <summary>Which loss it is.</summary>
    public ContinuousAutoregressiveWrapperOptions Options { get; }

    /// <summary>The mean loss of the sequences.</summary>
    /// <param name="x">[batch, sequence, DimIn], at least two vectors long.</param>
    /// <param name="mask">
    /// bool [batch, sequence]: what the model sees, and after which positions the next vector counts, be it padding itself: as in x-transformers.
    /// </param>
    /// <param name="context">[batch, contextLength, CrossAttn.DimContext], for a stack with cross-attention.</param>
    /// <param name="contextMask">bool [batch, contextLength].</param>
    /// <returns>A float32 scalar; zero if no position counts.</returns>
    /// <exception cref="ArgumentException">A shape, data type or device does not fit, or an argument is missing or superfluous.</exception>
    public Tensor Loss(Tensor x, Tensor? mask = null, Tensor? context = null, Tensor? contextMask = null)
        => Loss(new SequenceInputs(x) { Mask = mask, Context = context, ContextMask = contextMask });

    /// <inheritdoc cref="Loss(Tensor, Tensor?, Tensor?, Tensor?)"/>
    /// <param name="inputs">
    /// The vectors and everything that goes with them; what is given for each position, other than the mask, is for all but the last, and nothing stands in
    /// front.
    /// </param>
    public Tensor Loss(SequenceInputs inputs)
    {
        ArgumentNullException.ThrowIfNull(inputs);
        ForwardChecks.Sequence(this, inputs.X, Net.InputDim, "x");
        if (inputs.Length < 2)
            throw new ArgumentException($"'x' has shape {inputs.X.Shape}, but a next vector needs at least two.", nameof(inputs));
        if (inputs.PrependEmbeds is not null)
            throw new ArgumentException("'prependEmbeds' would have rows in the output without a target; leave them out.", nameof(inputs));
        if (inputs.Lens is not null && inputs.Mask is not null)
            throw new ArgumentException("'lens' and 'mask' both say what is padding; give one of them.", nameof(inputs));
        int targets = inputs.Length - 1;
        ForwardChecks.Mask(this, inputs.Mask, inputs.Batch, inputs.Length, "position of 'x'", "mask");
        if (inputs.Lens is not null)
            SequenceMasks.CheckLens(this, inputs.Lens, inputs.Batch, "lens");
        using InferenceScope scope = InferenceScope.Begin(Device);
        Tensor? mask = (inputs.Lens is null ? inputs.Mask : SequenceMasks.UpTo(inputs.Lens, inputs.Length))?.Narrow(1, 0, targets);
        Tensor predicted = Net.Forward(inputs with { X = inputs.X.Narrow(1, 0, targets), Mask = mask, Lens = null });
        inputs.KeepAsked(scope);
        return scope.Keep(NextVectorLoss.Of(predicted, inputs.X.Narrow(1, 1, targets), mask, Net.Options.Probabilistic, Options));
    }

    /// <summary>Writes vectors one after the other, each what the model gives for what is there so far.</summary>
    /// <param name="start">[batch, startLength, DimIn], at least one vector long.</param>
    /// <param name="length">How many vectors to write, at least one.</param>
    /// <param name="temperature">Of a probabilistic model: its deviations are multiplied by it; 0 takes the means.</param>
    /// <param name="seed">For drawing: the same seed draws the same vectors.</param>
    /// <returns>[batch, length, DimIn]: the written vectors without the start.</returns>
    /// <exception cref="ArgumentException">A shape, data type or device does not fit, or a number is out of range.</exception>
    /// <remarks>Each vector costs a pass over the last MaxSeqLen vectors, or over all where there is no such number.</remarks>
    public Tensor Generate(Tensor start, int length, float temperature = 1f, int seed = 0) => Generate(new SequenceInputs(start), length, temperature, seed);

    /// <inheritdoc cref="Generate(Tensor, int, float, int)"/>
    /// <param name="start">The vectors to begin with and what goes with them: a context and its mask; nothing else.</param>
    /// <param name="length">How many vectors to write, at least one.</param>
    /// <param name="temperature">Of a probabilistic model: its deviations are multiplied by it; 0 takes the means.</param>
    /// <param name="seed">For drawing: the same seed draws the same vectors.</param>
    public Tensor Generate(SequenceInputs start, int length, float temperature = 1f, int seed = 0)
    {
        ArgumentNullException.ThrowIfNull(start);
        ForwardChecks.Sequence(this, start.X, Net.InputDim, nameof(start));
        OptionChecks.Positive(length, nameof(length));
        OptionChecks.NotNegativeNumber(temperature, nameof(temperature));
        if (start.Length < 1)
            throw ForwardChecks.Wrong(nameof(start), $"'start' has shape {start.X.Shape}, but the first vector needs something to follow.");
        if (start != new SequenceInputs(start.X) { Context = start.Context, ContextMask = start.ContextMask })
            throw ForwardChecks.Wrong(
                nameof(start), "Only Context and ContextMask can go with the start: whatever belongs to single vectors is not there for the written ones.");
        using StepScope scope = Device.BeginStep();
        using StepScope pause = Device.NoGradient();
        using StepScope evaluation = Device.BeginEvaluation();
        var normal = new NormalNumbers(seed);
        Tensor all = Computed(start.X);
        for (int i = 0; i < length; i++)
        {
            using InferenceScope step = InferenceScope.Begin(Device);
            all = step.Keep(Operators.Concatenate(all, Next(start, all, temperature, normal)));
        }

        return scope.Keep(Operators.SliceRows(all, start.Length, length));
    }

    /// <inheritdoc/>
    public override Tensor Invoke(CallArguments arguments)
    {
        ArgumentNullException.ThrowIfNull(arguments);
        SequenceInputs inputs = SequenceInputs.From(arguments);
        if (arguments.OptionalInt32("rollout_steps") is { } steps and not 1)
            throw new UnsupportedOptionException("rollout_steps", $"rollout_steps = {steps}: the loss is of the next vector alone.");
        arguments.CheckAllUsed(nameof(ContinuousAutoregressiveWrapper));
        return Loss(inputs);
    }

    private static ParameterInitializer Like(ContinuousTransformerWrapper net)
    {
        ArgumentNullException.ThrowIfNull(net);
        return new ParameterInitializer(net.Device, 0, net.DType);
    }

    // [batch, 1, dim]
    private Tensor Next(SequenceInputs start, Tensor all, float temperature, NormalNumbers normal)
    {
        int seen = Net.Options.MaxSeqLen is > 0 and { } most ? Math.Min(most, all.Shape[1]) : all.Shape[1];
        Tensor output = Net.Forward(start with { X = Operators.SliceRows(all, all.Shape[1] - seen, seen) }).Narrow(-2, seen - 1, 1);
        if (!Net.Options.Probabilistic)
            return output;
        Shape shape = [start.Batch, 1, Net.OutputDim];
        Tensor mean = output.Narrow(0, 0, 1).Reshape(shape), variance = output.Narrow(0, 1, 1).Reshape(shape);
        if (temperature == 0f)
            return mean;
        Tensor deviation = Operators.Sqrt(Operators.Maximum(variance.As(DType.Float32), SmallestVariance)) * temperature;
        return mean + (deviation * Tensor.From(Device, shape, normal.Draw((int)shape.Count))).Like(mean);
    }
}
