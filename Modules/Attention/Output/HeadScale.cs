using GpuTransformer.Host;

namespace GpuTransformer.Modules;

/// <summary>HeadScale: each head's output times a learned factor. Key: <c>head_scale_params</c> [1, heads, 1, 1].</summary>
internal sealed record HeadScale(Tensor Factors, HeadChannels Channels) : IMergedStage
{
    public static HeadScale? Of(Attention owner, ParameterInitializer initializer) => !owner.Options.HeadScale ? null
        : new HeadScale(owner.Own("head_scale_params", initializer.Constant([1, owner.Options.QueryHeads, 1, 1], 1f)), HeadChannels.Of(owner));

    public Tensor Finish(Tensor merged, AttentionPass pass)
        => Operators.ScaleAndShift(merged, Channels.Spread(Factors.Like(merged), Factors.Shape[1], 1), null);
}
