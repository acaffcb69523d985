using GpuTransformer.Host;

namespace GpuTransformer.Modules;

/// <summary>
/// What makes a <see cref="TransformerWrapper"/>'s logits of its embeddings: projections without bias, or products with the token table. Keys:
/// <c>to_logits.weight</c> (of several <c>to_logits.&lt;i&gt;.weight</c>) [logits, dim], and with MixtureOfSoftmax <c>to_mixture.0.weight</c> [k · dim, dim]
/// and <c>combine_mixture.weight</c> [k, dim].
/// </summary>
internal sealed class LogitHeads
{
    // No probability is below it, so that its logarithm is a number.
    private const float SmallestProbability = 1e-20f;

    private readonly TransformerWrapperOptions _options;
    private readonly Tensor _tokens; // [tokens, dim]: the projection where there is none of its own
    private readonly Linear[] _heads;
    private readonly Linear? _toMixture;
    private readonly Linear? _combineMixture;

    private LogitHeads(TransformerWrapper owner, int dim, ParameterInitializer initializer)
    {
        _options = owner.Options;
        _tokens = owner.TokenEmbedding.Weight;
        if (_options.MixtureOfSoftmax)
        {
            int parts = _options.MixtureOfSoftmaxK;
            _toMixture = owner.Own("to_mixture", new ModuleGroup(initializer)).Add("0", new Linear(dim, checked(dim * parts), bias: false, initializer));
            _combineMixture = owner.Own("combine_mixture", new Linear(dim, parts, bias: false, initializer));
        }

        int logits = _options.LogitsDim ?? _options.NumTokens;
        if (_options.TieEmbedding)
        {
            _heads = [];
        }
        else if (_options.NumOutputHeads == 1)
        {
            _heads = [owner.Own("to_logits", new Linear(dim, logits, bias: false, initializer))];
        }
        else
        {
            ModuleGroup group = owner.Own("to_logits", new ModuleGroup(initializer));
            _heads =
            [
                .. Enumerable.Range(0, _options.NumOutputHeads).Select(i => group.Add($"{i}", new Linear(dim, logits, bias: false, initializer))),
            ];
        }
    }

    /// <summary>The heads of a model, which own their parameters under it; null for one without logits.</summary>
    public static LogitHeads? Of(TransformerWrapper owner, int dim, ParameterInitializer initializer)
        => owner.Options.ReturnOnlyEmbed ? null : new LogitHeads(owner, dim, initializer);

    /// <param name="x">[…, dim]</param>
    /// <returns>[…, logits], of several heads [heads, …, logits].</returns>
    public Tensor Forward(Tensor x)
    {
        Tensor logits = _heads.Length > 1 ? Each(x) : _combineMixture is null ? Sharpen(Project(x)) : Mixture(x);
        return _options.SqueezeOutLastDim ? logits.Reshape(new Shape(logits.Shape.Lengths[..^1])) : logits;
    }

    private Tensor Each(Tensor x)
    {
        Tensor[] each = [.. _heads.Select(head => Sharpen(head.Forward(x)))];
        return Operators.Concatenate([.. each.Select(static logits => logits.Reshape([1, .. logits.Shape.Lengths]))], 0);
    }

    private Tensor Project(Tensor x) => _heads.Length == 0 ? Operators.Linear(x, _tokens.Like(x)) : _heads[0].Forward(x);

    // x + ln σ(x): softmax then gives e^x · σ(x) its share, which is of higher rank than e^x's.
    private Tensor Sharpen(Tensor logits) => _options.SigsoftmaxLogits ? logits + LogSigmoid.Of(logits).Like(logits) : logits;

    // ln Σ_k share_k · softmax(logits of part k): logarithms of probabilities, in float32 whatever the model computes in.
    private Tensor Mixture(Tensor x)
    {
        int dim = x.Shape[^1], parts = _options.MixtureOfSoftmaxK, rows = checked((int)(x.Shape.Count / dim));
        Tensor shares = Operators.Softmax(_combineMixture!.Forward(x).As(DType.Float32)).Reshape([rows, 1, parts]);
        Tensor logits = Sharpen(Project(_toMixture!.Forward(x).Reshape([rows, parts, dim])));
        Tensor mixed = Operators.BatchedMatrixMultiply(shares, Operators.Softmax(logits.As(DType.Float32)));
        return Operators.Log(Operators.Maximum(mixed, SmallestProbability)).Reshape([.. x.Shape.Lengths[..^1], logits.Shape[2]]).Like(logits);
    }
}
