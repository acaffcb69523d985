using GpuTransformer.Host;

namespace GpuTransformer.Modules;

/// <summary>The ways in which heads lie.</summary>
internal static class HeadLayout
{
    /// <summary>[batch, sequence, heads · width] seen as [batch, sequence, heads, width].</summary>
    public static Tensor Parts(Tensor rows, int heads) => rows.Reshape([rows.Shape[0], rows.Shape[1], heads, rows.Shape[2] / heads]);

    /// <summary>[batch, sequence, heads, width], each head with more columns behind its own: [batch, sequence, heads · (width + …)].</summary>
    public static Tensor Wider(Tensor parts, params ReadOnlySpan<Tensor> columns)
    {
        Tensor wide = Operators.Concatenate([parts, .. columns], -1);
        return wide.Reshape([wide.Shape[0], wide.Shape[1], wide.Shape[2] * wide.Shape[3]]);
    }

    /// <summary>[batch, sequence, heads · width] to [batch, heads, sequence, width].</summary>
    public static Tensor Split(Tensor rows, int heads) => Parts(rows, heads).Permute(0, 2, 1, 3);

    /// <summary>[batch, heads, sequence, width] to [batch, sequence, heads · width].</summary>
    public static Tensor Merge(Tensor split) => split.Permute(0, 2, 1, 3).Reshape([split.Shape[0], split.Shape[2], split.Shape[1] * split.Shape[3]]);
}
