using GpuTransformer.Host;

namespace GpuTransformer.Modules;

/// <summary>The arguments of a lone attention, checked and brought to the shapes that the operator takes.</summary>
internal static class AttentionCall
{
    /// <summary>Dropout on the probabilities is not here yet, and training without it would be another training than asked for.</summary>
    public static void CheckDropout(Module attention, float probability)
    {
        if (probability > 0f && attention.Device.Training is not null)
            throw new UnsupportedOptionException("attn_dropout", $"Training with dropout {probability} on the attention probabilities is not supported yet; set AttnDropout (attn_dropout) to 0.");
    }

    public static BranchInputs Check(Attention attention, Tensor x, Tensor? context, Tensor? mask, Tensor? contextMask, Tensor? attnMask, Tensor? attnBias)
    {
        AttentionModuleOptions options = attention.Options;
        ForwardChecks.Sequence(attention, x, options.Dim);
        (int batch, int queries) = (x.Shape[0], x.Shape[1]);
        if (context is not null)
            ForwardChecks.Context(attention, context, x, options.SourceDim);
        else if (options.SourceDim != options.Dim)
            throw new ArgumentException($"'context' is missing: keys and values are projected from width {options.SourceDim}, but 'x' is {options.Dim} wide.", nameof(context));
        int keys = context?.Shape[1] ?? queries;
        ForwardChecks.Mask(attention, mask, batch, queries, "position of 'x'");
        ForwardChecks.Mask(attention, contextMask, batch, keys, "key");
        Shape pairs = [batch, options.Heads, queries, keys];
        return new BranchInputs
        {
            Source = context,
            KeyMask = contextMask ?? (context is null ? mask : null),
            QueryMask = mask,
            Mask = ForwardChecks.Pairs(attention, attnMask, pairs),
            Bias = ForwardChecks.Bias(attention, attnBias, pairs),
        };
    }
}
