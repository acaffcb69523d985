using GpuTransformer.Host;

namespace GpuTransformer.Modules;

/// <summary>The arguments of a lone attention, checked and brought to the shapes that the operator takes.</summary>
internal static class AttentionCall
{
    /// <summary>The options with dropout on the probabilities as the open training step draws it; in evaluation, as they are.</summary>
    public static ScoreOptions WithDropout(this ScoreOptions options, float probability, ComputeDevice device)
    {
        if (probability == 0f || device.Training is not { } training)
            return options;
        (ulong seed, ulong stream) = training.NextStream();
        return options with { Dropout = probability, DropoutSeed = seed, DropoutStream = stream };
    }

    public static BranchInputs Check(Attention attention, Tensor x, Tensor? context, Tensor? mask, Tensor? contextMask, Tensor? attnMask, Tensor? attnBias)
    {
        AttentionOptions options = attention.Options;
        ForwardChecks.Sequence(attention, x, options.InputDim);
        (int batch, int queries) = (x.Shape[0], x.Shape[1]);
        if (context is not null)
            ForwardChecks.Context(attention, context, x, options.SourceDim);
        else if (options.SourceDim != options.InputDim)
            throw new ArgumentException(
                $"'context' is missing: keys and values are projected from width {options.SourceDim}, but 'x' is {options.InputDim} wide.", nameof(context));
        int keys = context?.Shape[1] ?? queries;
        ForwardChecks.Mask(attention, mask, batch, queries, "position of 'x'");
        ForwardChecks.Mask(attention, contextMask, batch, keys, "key");
        Shape pairs = [batch, options.QueryHeads, queries, keys];
        return new BranchInputs
        {
            Source = context,
            QueryMask = mask,
            Scores = new ScoreOptions
            {
                Heads = options.QueryHeads,
                KeyMask = contextMask ?? (context is null ? mask : null),
                Mask = ForwardChecks.Pairs(attention, attnMask, pairs),
                Bias = ForwardChecks.Bias(attention, attnBias, pairs),
            },
        };
    }
}
