using GpuTransformer.Host;

namespace GpuTransformer.Modules;

/// <content>Heads beside the logits.</content>
public sealed partial class TransformerWrapper
{
    /// <summary>What AttnPool makes of the output, whatever the stack.</summary>
    /// <param name="inputs">The tokens and everything that goes with them.</param>
    /// <returns>[batch, NumPooledTokens, DimPooledTokens]</returns>
    /// <exception cref="ArgumentException">As for <see cref="Forward(TokenInputs)"/>; or there is no pool, without AttnPool.</exception>
    public Tensor PooledTokens(TokenInputs inputs)
    {
        if (_attnPool is null)
            throw new ArgumentException("The model pools nothing: AttnPool = false.", nameof(inputs));
        using InferenceScope scope = InferenceScope.Begin(Device);
        Tensor pooled = AttnPool(Embed(inputs), inputs);
        inputs.KeepAsked(scope);
        return scope.Keep(pooled);
    }

    /// <summary>What AddContinuousPredHead predicts the next token's embedding to be, at each position.</summary>
    /// <param name="inputs">The tokens and everything that goes with them.</param>
    /// <returns>[batch, sequence, dim]</returns>
    /// <exception cref="ArgumentException">As for <see cref="Forward(TokenInputs)"/>; or there is no such head.</exception>
    public Tensor NextEmbeddings(TokenInputs inputs)
    {
        if (_nextEmbedding is null)
            throw new ArgumentException("The model predicts no embeddings: AddContinuousPredHead = false.", nameof(inputs));
        using InferenceScope scope = InferenceScope.Begin(Device);
        Tensor predicted = _nextEmbedding.Forward(Embed(inputs));
        inputs.KeepAsked(scope);
        return scope.Keep(predicted);
    }

    /// <summary>What a next-token loss needs: of each pass the logits and a looped model's gate, and the prediction of the next embeddings.</summary>
    internal NextTokenOutputs NextTokens(TokenInputs inputs)
    {
        var passes = new List<Tensor>();
        Tensor y = Embed(inputs, passes);
        IReadOnlyList<(Tensor Logits, Tensor Exit)> looped = [.. passes.Select(pass => (_logits!.Forward(pass), _looped!.ExitLogits(pass)))];
        return new NextTokenOutputs(
            looped.Count > 0 ? looped[^1].Logits : _logits!.Forward(y),
            looped,
            _nextEmbedding?.Forward(y),
            _nextEmbedding is null ? null : EmbedTokens(inputs).Detach());
    }

    private Tensor AttnPool(Tensor y, TokenInputs inputs) => _attnPool!.Forward(y, VisibleRows(inputs));

    private AttentionPoolOptions PoolOptions()
    {
        AttentionLayersOptions stack = AttnLayers.Options;
        return new AttentionPoolOptions
        {
            Dim = Options.DimPooledTokens ?? stack.Dim,
            DimContext = stack.Dim,
            NumPooledTokens = Options.NumPooledTokens,
            Depth = Options.AttnPoolDepth,
            Heads = stack.Heads,
            DimHead = stack.Attn.DimHead,
        };
    }
}

/// <summary>What a next-token loss is of.</summary>
/// <param name="Logits">[batch, sequence, logits]</param>
/// <param name="Passes">Of each pass of a looped model its logits and its gate's [batch, sequence]; empty for another.</param>
/// <param name="NextEmbeddings">[batch, sequence, dim], or null.</param>
/// <param name="Embedded">[batch, sequence, dim]: what they predict, one position later; null with them.</param>
internal sealed record NextTokenOutputs(Tensor Logits, IReadOnlyList<(Tensor Logits, Tensor Exit)> Passes, Tensor? NextEmbeddings, Tensor? Embedded);
