using GpuTransformer.Host;

namespace GpuTransformer.Modules;

/// <summary>From one number per head to one per merged channel: a gate or scale per head is then a product with the merged heads as they lie.</summary>
/// <param name="HeadOfChannel">int32 [1, heads · valueDim]: the head that each merged channel belongs to.</param>
internal sealed record HeadChannels(Tensor HeadOfChannel)
{
    public static HeadChannels Of(Attention owner)
    {
        int[] head = new int[owner.Options.MergedWidth];
        for (int i = 0; i < head.Length; i++)
            head[i] = i / owner.Options.ValueHeadDim;
        return new HeadChannels(owner.Own(head));
    }

    /// <summary>[heads, width] becomes [heads · valueDim, width]: each head's row for each of its channels.</summary>
    public Tensor Spread(Tensor perHead, int heads, int width)
        => Operators.GatherRows(perHead.Reshape([1, heads, width]), HeadOfChannel).Reshape(
            width == 1 ? [HeadOfChannel.Shape[1]] : [HeadOfChannel.Shape[1], width]);
}
