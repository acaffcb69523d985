using GpuTransformer.Host;

namespace GpuTransformer.Modules;

/// <summary>
/// What the next token's embedding will be, W₂ silu(W₁ y), and how far that is from what it is. Keys: <c>to_next_embed_pred.0.weight</c>,
/// <c>to_next_embed_pred.2.weight</c> [dim, dim].
/// </summary>
internal sealed class NextEmbeddingHead
{
    private readonly Linear _in;
    private readonly Linear _out;

    private NextEmbeddingHead(TransformerWrapper owner, int dim, ParameterInitializer initializer)
    {
        ModuleGroup group = owner.Own("to_next_embed_pred", new ModuleGroup(initializer));
        _in = group.Add("0", new Linear(dim, dim, bias: false, initializer));
        _out = group.Add("2", new Linear(dim, dim, bias: false, initializer));
    }

    /// <summary>The head of a model, which owns its parameters; null for one without.</summary>
    public static NextEmbeddingHead? Of(TransformerWrapper owner, int dim, ParameterInitializer initializer)
        => owner.Options.AddContinuousPredHead ? new NextEmbeddingHead(owner, dim, initializer) : null;

    /// <param name="y">[batch, sequence, dim]: what the logits are of.</param>
    /// <returns>[batch, sequence, dim]</returns>
    public Tensor Forward(Tensor y) => _out.Forward(_in.Forward(y, Activation.Silu));

    /// <summary>The mean of |predicted[b, i] − embedded[b, i + 1]| over the channels and the targets that count, in float32.</summary>
    /// <param name="predicted">[batch, sequence, dim]</param>
    /// <param name="embedded">[batch, sequence, dim]; no gradient goes there.</param>
    /// <param name="ids">The tokens, row by row.</param>
    /// <param name="ignored">The number of those that are no targets.</param>
    /// <returns>A float32 scalar; zero if there is no target.</returns>
    public static Tensor Loss(Tensor predicted, Tensor embedded, long[] ids, int ignored)
    {
        (int batch, int length, int dim) = (predicted.Shape[0], predicted.Shape[1], predicted.Shape[2]);
        Tensor difference = predicted.Narrow(1, 0, length - 1).As(DType.Float32) - embedded.Detach().Narrow(1, 1, length - 1).As(DType.Float32);
        var weights = new float[batch * (length - 1)];
        for (int i = 0; i < weights.Length; i++)
            weights[i] = ids[i / (length - 1) * length + i % (length - 1) + 1] == ignored ? 0f : 1f;
        float count = Math.Max(1f, weights.Sum()) * dim;
        return (Operators.Abs(difference) * Tensor.From(predicted.Device, [batch, length - 1, 1], weights)).Sum() / count;
    }
}
