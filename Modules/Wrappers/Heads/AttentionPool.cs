using GpuTransformer.Host;

namespace GpuTransformer.Modules;

/// <summary>
/// A sequence pooled to a few tokens: learned queries attend to it, by one attention or a <see cref="CrossAttender"/>. Keys: <c>queries</c>
/// [NumPooledTokens, dim], <c>pooler.…</c>.
/// </summary>
/// <remarks>Lee et al. 2019, "Set Transformer"; x-transformers' <c>AttentionPool</c>.</remarks>
public sealed class AttentionPool : Module
{
    private readonly Tensor? _queries; // [pooled, dim]
    private readonly Attention? _attention;
    private readonly CrossAttender? _blocks;

    /// <summary>A pool with x-transformers' initialisation.</summary>
    /// <param name="options">What it is.</param>
    /// <param name="device">Where it runs.</param>
    /// <param name="seed">The same seed gives the same parameters on every device.</param>
    /// <param name="dtype">What parameters and activations are stored as.</param>
    /// <exception cref="ArgumentException">The options contradict each other; the message names them.</exception>
    public AttentionPool(AttentionPoolOptions options, ComputeDevice device, int seed = 0, DType dtype = DType.Float32)
        : this(options, new ParameterInitializer(device, seed, dtype))
    {
    }

    /// <summary>As the other constructor, with parameters from <paramref name="initializer"/>: for a module that it is inside of.</summary>
    public AttentionPool(AttentionPoolOptions options, ParameterInitializer initializer)
        : base(initializer)
    {
        using StepScope construction = Device.BeginConstruction();
        ArgumentNullException.ThrowIfNull(options);
        options.Validate();
        Options = options;
        if (options.NumPooledTokens > 0)
            _queries = AddParameter("queries", initializer.Normal([options.NumPooledTokens, options.Dim], 0.01f));
        if (options.HasBlocks)
            _blocks = AddChild("pooler", new CrossAttender(options.Blocks(), initializer));
        else
            _attention = AddChild("pooler", new Attention(options.Attention(), initializer));
        construction.Complete();
    }

    /// <summary>What it is.</summary>
    public AttentionPoolOptions Options { get; }

    /// <summary>Pools sequences.</summary>
    /// <param name="context">[batch, sequence, DimContext]</param>
    /// <param name="mask">bool [batch, sequence], true to keep; null for all. Where nothing is visible one attention gives zero.</param>
    /// <param name="queries">[batch, pooled, Dim] in place of the learned ones; needed where there are none.</param>
    /// <returns>[batch, pooled, Dim], or [batch, Dim] with SqueezeOutput.</returns>
    /// <exception cref="ArgumentException">A shape, data type or device does not fit, or there are no queries; nothing was launched.</exception>
    public Tensor Forward(Tensor context, Tensor? mask = null, Tensor? queries = null)
    {
        ForwardChecks.Sequence(this, context, Options.DimContext ?? Options.Dim);
        ForwardChecks.Mask(this, mask, context.Shape[0], context.Shape[1], "position of 'context'");
        if (queries is not null)
            ForwardChecks.Sequence(this, queries, Options.Dim);
        else if (_queries is null)
            throw ForwardChecks.Wrong(nameof(queries), "'queries' are missing: NumPooledTokens = 0, so the pool has none of its own.");
        if (queries is not null && (queries.Shape[0] != context.Shape[0] || (Options.SqueezeOutput == true && queries.Shape[1] != 1)))
        {
            throw ForwardChecks.Wrong(
                nameof(queries),
                $"'queries' has shape {queries.Shape}, but a context {context.Shape} needs [{context.Shape[0]}, "
                + $"{(Options.SqueezeOutput == true ? "1" : "pooled")}, {Options.Dim}].");
        }

        using InferenceScope scope = InferenceScope.Begin(Device);
        return scope.Keep(Pool(Computed(context), mask, Computed(queries) ?? Repeated(context.Shape[0])));
    }

    /// <inheritdoc/>
    public override Tensor Invoke(CallArguments arguments)
    {
        ArgumentNullException.ThrowIfNull(arguments);
        Tensor context = arguments.Required("context");
        Tensor? mask = arguments.Optional("mask"), queries = arguments.Optional("queries");
        arguments.CheckAllUsed(nameof(AttentionPool));
        return Forward(context, mask, queries);
    }

    private Tensor Pool(Tensor context, Tensor? mask, Tensor queries)
    {
        Tensor pooled = _blocks?.Forward(queries, context, contextMask: mask) ?? _attention!.Forward(queries, context, contextMask: mask);
        if (Options.AddResidual)
            pooled = Operators.Add(pooled, queries);
        return Options.SqueezeOutput == true ? pooled.Reshape([pooled.Shape[0], Options.Dim]) : pooled;
    }

    private Tensor Repeated(int batch)
        => Operators.Expand(Computed(_queries!).Reshape([1, Options.NumPooledTokens, Options.Dim]), [batch, Options.NumPooledTokens, Options.Dim]);
}
