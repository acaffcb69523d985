using GpuTransformer.Host;

namespace GpuTransformer.Modules;

public sealed partial class TransformerWrapper
{
    private Tensor Embed(TokenInputs inputs, IList<Tensor>? passes = null)
    {
        ArgumentNullException.ThrowIfNull(inputs);
        inputs.Check(this);
        return Pool(RunStack(Lead(inputs, EmbedTokens(inputs)), inputs, passes), inputs);
    }

    // [batch, sequence, embDim]: everything that a token's own position knows.
    private Tensor EmbedTokens(TokenInputs inputs)
    {
        Tensor x = _tokenEmbedding.Forward(inputs.Ids);
        if (Positions is not null)
            x = Positions.Forward(x, inputs.AbsolutePositions());
        foreach ((string name, Tensor table) in _embeds)
            x = Operators.Add(x, Operators.Embedding(table, inputs.EmbedIds![name]));
        if (inputs.SumEmbeds is not null)
            x = Operators.Add(x, inputs.SumEmbeds.Like(x));
        return _postEmbNorm?.Forward(x) ?? x;
    }

    // [batch, cls + prefix + sequence, dim]
    private Tensor Lead(TokenInputs inputs, Tensor x)
    {
        if (inputs.PrependEmbeds is not null)
            x = Operators.Concatenate(inputs.PrependEmbeds.Like(x), x);
        x = Operators.Dropout(WithGradientShare(x, Options.EmbFracGradient), Options.EmbDropout);
        x = Computed(_projectEmb?.Forward(x) ?? x);
        return PutInFront(_clsToken, x);
    }

    /// <summary>The same numbers, but only a share of the gradient goes back through them.</summary>
    internal static Tensor WithGradientShare(Tensor x, float share)
        => share < 1 ? Operators.Add(Operators.Scale(x, share), Operators.Scale(x.Detach(), 1 - share)) : x;

    private Tensor PutInFront(Tensor? tokens, Tensor x)
        => tokens is null ? x : Operators.Concatenate(Computed(tokens).Reshape([1, tokens.Shape[0], tokens.Shape[1]]), x);

    private Tensor Pool(Tensor y, TokenInputs inputs)
    {
        if (Options.UseClsToken)
        {
            Tensor cls = Operators.SliceRows(y, 0, Options.ClsTokens);
            return Options.ClsTokens == 1 ? cls.Reshape([inputs.Batch, cls.Shape[2]]) : cls;
        }

        int skip = inputs.ExcisePrependEmbeds ? inputs.Prefix : 0;
        if (skip > 0)
            y = Operators.SliceRows(y, skip, y.Shape[1] - skip);
        return Options.AveragePoolEmbed ? MeanPooling.Over(y, VisibleRows(inputs)) : y;
    }

    // The mask of the output's rows.
    private Tensor? VisibleRows(TokenInputs inputs) => inputs.ExcisePrependEmbeds
        ? inputs.Mask
        : SequenceMasks.Join(Device, inputs.Batch, (inputs.PrependMask, inputs.Prefix), (inputs.Mask, inputs.Length));

    /// <summary>The logits of the last tokens alone: [batch, last, logits].</summary>
    internal Tensor LastLogits(TokenInputs inputs, int last = 1)
    {
        using InferenceScope scope = InferenceScope.Begin(Device);
        Tensor y = Embed(inputs);
        inputs.KeepAsked(scope);
        Tensor logits = _logits!.Forward(Operators.SliceRows(y, y.Shape[1] - last, last));
        return scope.Keep(logits.Reshape([inputs.Batch, last, Options.LogitsDim ?? Options.NumTokens]));
    }
}
