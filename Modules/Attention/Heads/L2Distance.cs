using GpuTransformer.Host;

namespace GpuTransformer.Modules;

/// <summary>
/// L2Distance: −‖q − k‖² = 2 (q·k − ½‖q‖² − ½‖k‖²) is twice the product of [q, −½‖q‖², 1] and [k, 1, −½‖k‖²], so any way to attend can make it.
/// </summary>
/// <param name="flash">Whether the scores' scale is x-transformers' on its fused path: that of the wider heads, √(width / (width + 2)) times the usual.</param>
internal sealed class L2Distance(bool flash) : IHeadsStage
{
    /// <summary>By how much heads become wider.</summary>
    public const int Columns = 2;

    public Heads Prepare(Heads heads, AttentionPass pass)
    {
        float width = heads.Query.Shape[2] / heads.QueryHeads;
        (Tensor query, Tensor queryNorm) = Parts(heads.Query, heads.QueryHeads);
        (Tensor key, Tensor keyNorm) = Parts(heads.Key, heads.KeyValueHeads);
        return heads with
        {
            Query = HeadLayout.Wider(query, queryNorm, One(queryNorm)), Key = HeadLayout.Wider(key, One(keyNorm), keyNorm),
            Scale = 2f * heads.Scale * (flash ? MathF.Sqrt(width / (width + Columns)) : 1f),
        };
    }

    private static (Tensor Heads, Tensor Norm) Parts(Tensor rows, int heads)
    {
        Tensor parts = HeadLayout.Parts(rows, heads);
        return (parts, Operators.Scale(Operators.Square(parts).Sum(-1, keepDim: true), -0.5f));
    }

    private static Tensor One(Tensor like) => Tensor.From(like.Device, [1], [1f], like.DType).Expand(like.Shape);
}
