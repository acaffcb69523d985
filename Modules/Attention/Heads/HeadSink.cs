using GpuTransformer.Host;

namespace GpuTransformer.Modules;

/// <summary>
/// HeadLearnedSink where attention is fused: a key and a value of zeros before all others, whose score is the head's learned number. The query carries it, in a
/// column of its own that is zero in the other keys. Key: <c>head_attn_sink</c> [heads].
/// </summary>
internal sealed class HeadSink(Tensor sink) : IHeadsStage
{
    /// <summary>By how much heads become wider.</summary>
    public const int Columns = 1;

    public Heads Prepare(Heads heads, AttentionPass pass)
    {
        Tensor query = HeadLayout.Parts(heads.Query, heads.QueryHeads), key = HeadLayout.Parts(heads.Key, heads.KeyValueHeads);
        (int batch, int queries, int keyHeads, int width) = (query.Shape[0], query.Shape[1], heads.KeyValueHeads, key.Shape[3]);
        Tensor number = Operators.Scale(sink.Like(query), 1f / heads.Scale).Reshape([1, 1, heads.QueryHeads, 1]);
        Tensor none = Tensor.Zeros(key.Device, [1], key.DType), one = Tensor.From(key.Device, [1], [1f], key.DType);
        return (heads with
        {
            Query = HeadLayout.Wider(query, number.Expand([batch, queries, heads.QueryHeads, 1])),
            Key = HeadLayout.Wider(key, none.Expand([.. key.Shape.Lengths[..3], 1])),
        }).Behind(
            HeadLayout.Wider(none.Expand([1, 1, keyHeads, width]), one.Expand([1, 1, keyHeads, 1])),
            Tensor.Zeros(key.Device, [1, 1, heads.Value.Shape[2]], heads.Value.DType));
    }
}
