using GpuTransformer.Host;

namespace GpuTransformer.Modules;

/// <summary>softmax(scale · q kᵀ + bias) v on heads as they come, without projections or parameters: x-transformers' <c>Attend</c>.</summary>
public sealed class Attend : Module
{
    /// <summary>An attention core.</summary>
    public Attend(AttendOptions options, ComputeDevice device)
        : base(new ParameterInitializer(device, 0, DType.Float32))
    {
        ArgumentNullException.ThrowIfNull(options);
        OptionChecks.Ranges(options);
        Options = options;
    }

    /// <summary>What it is.</summary>
    public AttendOptions Options { get; }

    /// <summary>Applies attention; a query that sees no key gives exactly zero.</summary>
    /// <param name="q">[batch, heads, queries, width]</param>
    /// <param name="k">[batch, keyValueHeads, keys, width]; query head h reads head h mod keyValueHeads.</param>
    /// <param name="v">[batch, keyValueHeads, keys, valueWidth]</param>
    /// <param name="mask">bool [batch, keys] or [batch|1, heads|1, queries|1, keys]</param>
    /// <param name="attnBias">Real [heads, queries, keys] or with a batch axis, added to the scaled scores.</param>
    /// <param name="causal">In place of the option, or null.</param>
    /// <returns>[batch, heads, queries, valueWidth]</returns>
    public Tensor Forward(Tensor q, Tensor k, Tensor v, Tensor? mask = null, Tensor? attnBias = null, bool? causal = null)
    {
        foreach ((Tensor tensor, string name) in new[] { (q, nameof(q)), (k, nameof(k)), (v, nameof(v)) })
        {
            ArgumentNullException.ThrowIfNull(tensor, name);
            if (tensor.Shape.Rank != 4)
                throw new ArgumentException($"'{name}' has shape {tensor.Shape}, but it needs [batch, heads, sequence, width].", name);
        }

        (int heads, int keyHeads, int keys) = (q.Shape[1], k.Shape[1], k.Shape[2]);
        if (Options.Heads is { } wanted && wanted != heads)
            throw new ArgumentException($"'q' has shape {q.Shape}: {heads} heads, but Heads = {wanted}.", nameof(q));
        Shape pairs = [q.Shape[0], heads, q.Shape[2], keys];
        using InferenceScope scope = InferenceScope.Begin(Device);
        bool isKeyMask = mask?.Shape.Rank == 2;
        if (isKeyMask)
            ForwardChecks.Mask(this, mask, q.Shape[0], keys, "key");
        return scope.Keep(Operators.Attention(Computed(q), WithZero(Computed(k)), WithZero(Computed(v)), new ScoreOptions
        {
            Heads = heads,
            KeyValueHeads = keyHeads,
            Layout = AttentionLayout.HeadMajor,
            Scale = Options.Scale,
            Causal = causal ?? Options.Causal ? CausalAlignment.BottomRight : CausalAlignment.None,
            SoftClamp = Options.SoftclampLogits ? Options.LogitSoftclampValue : null,
            KeyMask = isKeyMask ? mask : null,
            Mask = isKeyMask ? null : ForwardChecks.Pairs(this, mask, pairs),
            Bias = ForwardChecks.Bias(this, attnBias, pairs),
            FreeColumns = Options.AddZeroKv ? 1 : 0,
        }.WithDropout(Options.Dropout, Device)));
    }

    /// <inheritdoc/>
    public override Tensor Invoke(CallArguments arguments)
    {
        ArgumentNullException.ThrowIfNull(arguments);
        Tensor q = arguments.Required("q"), k = arguments.Required("k"), v = arguments.Required("v");
        Tensor? mask = arguments.Optional("mask"), bias = arguments.Optional("attn_bias");
        bool causal = arguments.Flag("causal");
        arguments.CheckAllUsed(nameof(Attend));
        return Forward(q, k, v, mask, bias, causal ? true : null);
    }

    private Tensor WithZero(Tensor heads)
    {
        if (!Options.AddZeroKv)
            return heads;
        (int batch, int count, int length, int width) = (heads.Shape[0], heads.Shape[1], heads.Shape[2], heads.Shape[3]);
        Tensor zero = Tensor.Zeros(heads.Device, [1, 1, width], heads.DType);
        return Operators.Concatenate(zero, heads.Reshape([batch * count, length, width])).Reshape([batch, count, length + 1, width]);
    }
}
