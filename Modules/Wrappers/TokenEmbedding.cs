using GpuTransformer.Host;

namespace GpuTransformer.Modules;

/// <summary>A learned vector for each token: table[id], or table[id] / |table[id]| where L2-normalised. Key: <c>emb.weight</c> [tokens, dim].</summary>
/// <remarks>x-transformers' <c>TokenEmbedding</c>.</remarks>
public sealed class TokenEmbedding : Module
{
    /// <summary>What tables start with whose vectors are brought to length one: almost nothing, so that the first steps turn them.</summary>
    internal const float NormalisedDeviation = 1e-5f;

    private readonly bool _isNormalised;

    /// <summary>A table with x-transformers' initialisation: normal with variance 2 / dim.</summary>
    /// <param name="tokens">How many tokens there are.</param>
    /// <param name="dim">The width of a vector.</param>
    /// <param name="device">Where it is.</param>
    /// <param name="l2norm">Whether vectors are brought to length one.</param>
    /// <param name="seed">For the initial values.</param>
    /// <param name="dtype">What it is stored as.</param>
    public TokenEmbedding(int tokens, int dim, ComputeDevice device, bool l2norm = false, int seed = 0, DType dtype = DType.Float32)
        : this(tokens, dim, l2norm, new ParameterInitializer(device, seed, dtype))
    {
    }

    /// <summary>A table as a part of another model.</summary>
    public TokenEmbedding(int tokens, int dim, bool l2norm, ParameterInitializer initializer)
        : base(initializer)
    {
        OptionChecks.Positive(tokens, nameof(tokens));
        OptionChecks.Positive(dim, nameof(dim));
        _isNormalised = l2norm;
        Weight = AddChild("emb", new ModuleGroup(initializer)).AddTensor(
            "weight", initializer.Normal([tokens, dim], l2norm ? NormalisedDeviation : MathF.Sqrt(2f / dim)));
    }

    /// <summary>[tokens, dim]</summary>
    public Tensor Weight { get; }

    /// <summary>Looks up the vectors.</summary>
    /// <param name="ids">Int32 or Int64 […], each in [0, tokens).</param>
    /// <returns>[…, dim]</returns>
    /// <exception cref="ArgumentException">The ids are not integers, on another device or out of range; nothing was launched.</exception>
    public Tensor Forward(Tensor ids)
    {
        Tensor vectors = Operators.Embedding(Weight, ids);
        return _isNormalised ? ToUnitLength(vectors) : vectors;
    }

    /// <inheritdoc/>
    public override Tensor Invoke(CallArguments arguments)
    {
        ArgumentNullException.ThrowIfNull(arguments);
        Tensor ids = arguments.Required("x");
        arguments.CheckAllUsed(nameof(TokenEmbedding));
        return Forward(ids);
    }

    /// <summary>x / |x| over the last axis: the RMS norm without its √dim.</summary>
    internal static Tensor ToUnitLength(Tensor x) => Operators.Scale(Operators.RmsNorm(x, null), 1f / MathF.Sqrt(x.Shape[^1]));
}
