using GpuTransformer.Host;

namespace GpuTransformer.Modules;

/// <summary>How <see cref="ScaledDotProductAttention"/> treats its heads. Names are torch's, except that causality says how it is aligned.</summary>
public sealed record ScaledDotProductOptions
{
    /// <summary><c>top_left</c> (torch's is_causal), <c>bottom_right</c>, or null for none.</summary>
    public string? Causal { get; init; }

    /// <summary>Multiplies q·k; null for width^-0.5.</summary>
    [Takes(OptionRange.Finite)]
    public float? Scale { get; init; }

    /// <summary>Fewer key/value heads than heads: query head h reads head h / (heads / keyValueHeads), unlike x-transformers.</summary>
    public bool EnableGqa { get; init; }
}

/// <summary>torch.nn.functional.scaled_dot_product_attention, as a module without parameters: the bare kernel, in any of the storage types.</summary>
public sealed class ScaledDotProductAttention : Module
{
    private readonly CausalAlignment _causal;

    /// <summary>An attention core.</summary>
    public ScaledDotProductAttention(ScaledDotProductOptions options, ComputeDevice device)
        : base(new ParameterInitializer(device, 0, DType.Float32))
    {
        ArgumentNullException.ThrowIfNull(options);
        OptionChecks.Ranges(options);
        Options = options;
        _causal = options.Causal switch
        {
            null => CausalAlignment.None,
            "top_left" => CausalAlignment.TopLeft,
            "bottom_right" => CausalAlignment.BottomRight,
            _ => throw new ArgumentException($"Causal = '{options.Causal}', but it must be 'top_left', 'bottom_right' or null.", nameof(options)),
        };
    }

    /// <summary>What it is.</summary>
    public ScaledDotProductOptions Options { get; }

    /// <summary>Applies attention; a query that sees no key gives exactly zero.</summary>
    /// <param name="q">[batch, heads, queries, width]</param>
    /// <param name="k">[batch, keyValueHeads, keys, width]</param>
    /// <param name="v">[batch, keyValueHeads, keys, valueWidth]</param>
    /// <param name="mask">bool [batch|1, heads|1, queries|1, keys], true where visible</param>
    /// <param name="bias">float32 [batch|1, heads|1, queries|1, keys], added to the scaled scores</param>
    /// <returns>[batch, heads, queries, valueWidth]</returns>
    public Tensor Forward(Tensor q, Tensor k, Tensor v, Tensor? mask = null, Tensor? bias = null)
    {
        ArgumentNullException.ThrowIfNull(q);
        ArgumentNullException.ThrowIfNull(k);
        if (q.Shape.Rank != 4 || k.Shape.Rank != 4)
            throw new ArgumentException($"'q' has shape {q.Shape} and 'k' {k.Shape}, but both need [batch, heads, sequence, width].", nameof(q));
        return Operators.Attention(Computed(q), Computed(k), Computed(v), new ScoreOptions
        {
            Heads = q.Shape[1],
            KeyValueHeads = Options.EnableGqa ? k.Shape[1] : 0,
            Grouping = HeadGrouping.Blocks,
            Layout = AttentionLayout.HeadMajor,
            Scale = Options.Scale,
            Causal = _causal,
            Mask = mask,
            Bias = bias,
        });
    }

    /// <inheritdoc/>
    public override Tensor Invoke(CallArguments arguments)
    {
        ArgumentNullException.ThrowIfNull(arguments);
        Tensor q = arguments.Required("q"), k = arguments.Required("k"), v = arguments.Required("v");
        Tensor? mask = arguments.Optional("mask"), bias = arguments.Optional("bias");
        arguments.CheckAllUsed(nameof(ScaledDotProductAttention));
        return Forward(q, k, v, mask, bias);
    }
}
