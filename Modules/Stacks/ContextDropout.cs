using GpuTransformer.Host;

namespace GpuTransformer.Modules;

/// <summary>CrossAttnTokensDropout: training leaves out tokens of the context, and with them their flags of the mask.</summary>
internal static class ContextDropout
{
    /// <summary>The same with ⌊keep · tokens⌋ of the context's tokens, at least one, drawn anew for each sample from those that are visible.</summary>
    public static BranchInputs Of(BranchInputs cross, float probability)
    {
        if (probability == 0f || cross.Source is not { } context || context.Device.Training is not { } training || context.Shape[1] == 0)
            return cross;
        (int batch, int length) = (context.Shape[0], context.Shape[1]);
        int kept = Math.Max(1, (int)((1f - probability) * length));
        bool[]? mask = cross.Scores!.KeyMask?.ToBoolArray();
        var index = new int[batch * kept];
        var flags = new bool[batch * kept];
        for (int b = 0; b < batch; b++)
        {
            int sample = b;
            bool IsVisible(int j) => mask is null || mask[sample * length + j];
            int[] drawn = [.. Enumerable.Range(0, length).Select(j => (Token: j, Draw: IsVisible(j) ? training.NextUniform() : 2f + j))
                .OrderBy(static t => t.Draw).Select(static t => t.Token).Take(kept)];
            int visible = (int)MathF.Ceiling(Enumerable.Range(0, length).Count(IsVisible) * (1f - probability));
            for (int i = 0; i < kept; i++)
            {
                index[b * kept + i] = drawn[i];
                flags[b * kept + i] = IsVisible(drawn[i]) && i < visible;
            }
        }

        return cross with
        {
            Source = Operators.GatherRows(context, Tensor.From(context.Device, [batch, kept], index)),
            Scores = cross.Scores with { KeyMask = mask is null ? null : Tensor.From(context.Device, [batch, kept], flags) },
        };
    }
}
