using GpuTransformer.Host;

namespace GpuTransformer.Modules;

/// <content>What goes into the stack with the embeddings, how often the stack runs, and what is taken away again.</content>
public sealed partial class TransformerWrapper
{
    // [batch, cls + prefix + sequence, dim], without the memory tokens again
    private Tensor RunStack(Tensor x, TokenInputs inputs, IList<Tensor>? passes)
    {
        int rows = x.Shape[1], told = inputs.Hiddens?.Count ?? 0;
        StackInputs within = Within(inputs, x) with { Mems = Shifted(inputs.Mems) };
        bool hasMemory = _memoryTokens is not null && inputs.TokensBefore == 0;
        if (hasMemory)
            x = _interspersed?.Spread(x, Computed(_memoryTokens!)) ?? PutInFront(_memoryTokens, x);
        if (inputs.Cache is { Length: 0 } cache)
        {
            int memory = x.Shape[1] - inputs.Prefix - inputs.Length;
            cache.Lead(
                x.Shape[1] - inputs.Length,
                inputs.PrependMask is null ? null : SequenceMasks.Join(Device, inputs.Batch, (null, memory), (inputs.PrependMask, inputs.Prefix)));
        }

        Tensor y = _recycled?.Run(x, inputs.RecycleSteps, Pass) ?? _looped?.Run(x, inputs.LoopedSteps, Pass, passes) ?? Pass(x);
        for (int pass = 0; pass < passes?.Count; pass++)
            passes[pass] = Pool(WithoutMemory(passes[pass], rows), inputs);
        return hasMemory ? WithoutMemory(y, rows) : y;

        Tensor Pass(Tensor given)
        {
            // Of several passes the last one's are told.
            while (inputs.Hiddens?.Count > told)
                inputs.Hiddens.RemoveAt(inputs.Hiddens.Count - 1);
            return AttnLayers.Forward(given, within);
        }
    }

    /// <summary>Why no cache of keys and values can stand for earlier tokens; null where one can.</summary>
    internal string? WhyNotCached => _interspersed is not null || _recycled is not null || _looped is not null
        ? "a model that recycles, loops or has memory tokens in between looks at all tokens again"
        : Options.AveragePoolEmbed || Options.UseClsToken || Options.AttnPool ? "a model that pools its tokens needs all of them"
        : AttnLayers.WhyNotCached;

    private Tensor WithoutMemory(Tensor y, int rows)
        => _memoryTokens is null ? y : _interspersed?.TakeAway(y, rows) ?? Operators.SliceRows(y, Options.MemoryTokens, rows);

    private StackInputs Within(TokenInputs inputs, Tensor x)
    {
        int memory = _interspersed is null && inputs.TokensBefore == 0 ? Options.MemoryTokens : 0;
        bool reads = AttnLayers.Options.ReadsPositions;

        // Masks are of all tokens, and those of a cache stand behind what was put before them.
        StackInputs within = inputs.TokensBefore > 0
            ? inputs.Behind(Device, inputs.Batch, inputs.TokensBefore + inputs.Length, reads, (inputs.Cache!.LeadingMask, inputs.Cache.Leading))
            : inputs.Behind(Device, inputs.Batch, inputs.Length, reads, (null, memory + Options.ClsTokens), (inputs.PrependMask, inputs.Prefix));
        if (_interspersed is not null)
            within = within with { Mask = _interspersed.Spread(within.Mask), SelfAttnKvMask = _interspersed.Spread(within.SelfAttnKvMask) };
        return _ffDeepEmbed is null ? within : within with { DeepEmbeds = DeepEmbeds(inputs, memory + x.Shape[1] - inputs.Length) };
    }

    // [batch, rows, depth · dim]: of each token the factors of all feedforwards; of what is no token, ones.
    private Tensor DeepEmbeds(TokenInputs inputs, int before)
    {
        int width = _ffDeepEmbed!.Shape[1] * _ffDeepEmbed.Shape[2];
        Tensor factors = Computed(Operators.Embedding(_ffDeepEmbed.Reshape([_ffDeepEmbed.Shape[0], width]), inputs.Ids));
        if (before > 0)
            factors = Operators.Concatenate(Ones(before, width, factors.DType), factors);
        return _interspersed?.Spread(factors, Ones(Options.MemoryTokens, width, factors.DType)) ?? factors;
    }

    private Tensor Ones(int rows, int width, DType dtype)
        => Tensor.From(Device, [1, rows, width], [.. Enumerable.Repeat(1f, checked(rows * width))], dtype);
}
