using GpuTransformer.Host;

namespace GpuTransformer.Modules;

/// <summary>
/// DataDependentAlibi where attention is causal: the score of query i and key j has c_i − c_j added, c being the running sum of ln sigmoid(W x + b), one number
/// per token and head. It is the product of [c_i, 1] and [1, −c_j], two more columns of the heads, so any way to attend can make it; keys that stages put
/// before the others have zeros there. Keys: <c>data_dependent_alibi.to_forget_gates.0.weight</c>, <c>.bias</c>.
/// </summary>
/// <remarks>Lin et al. 2025, "Forgetting Transformer".</remarks>
internal sealed record ForgettingColumns(Linear Gates) : IHeadsStage
{
    /// <summary>By how much heads become wider.</summary>
    public const int Columns = 2;

    public static ForgettingColumns? Of(Attention owner, ParameterInitializer initializer)
        => !owner.Options.DataDependentAlibi || !owner.Options.Causal || owner.Options.DataDependentAlibiPerRow
            ? null
            : new ForgettingColumns(ForgettingBias.Gates(owner, 1, initializer));

    public Heads Prepare(Heads heads, AttentionPass pass)
    {
        Tensor sum = ForgettingBias.RunningSum(Gates, pass.X); // [batch, queries, heads]
        if (pass.Inputs.Cache is { } cache)
        {
            sum = cache.State(nameof(ForgettingColumns)) is { } before ? sum + before : sum;
            cache.Note(nameof(ForgettingColumns), sum.Narrow(1, sum.Shape[1] - 1, 1));
        }

        (int batch, int queries, int count, int free) = (sum.Shape[0], sum.Shape[1], heads.QueryHeads, heads.FreeColumns);
        Tensor column = sum.Reshape([batch, queries, count, 1]), one = Tensor.From(sum.Device, [1], [1f], sum.DType).Expand(column.Shape);
        Tensor first = one, second = -column;
        if (free > 0 && heads.Cached == 0)
        {
            Tensor none = Tensor.Zeros(sum.Device, [batch, free, count, 1], sum.DType);
            (first, second) = (Operators.Concatenate([none, first], 1), Operators.Concatenate([none, second], 1));
        }

        Tensor query = HeadLayout.Parts(heads.Query, count), key = HeadLayout.Parts(heads.Key, count);
        return heads with
        {
            Query = HeadLayout.Wider(query, Operators.Scale(column, 1f / heads.Scale).Like(query), Operators.Scale(one, 1f / heads.Scale).Like(query)),
            Key = HeadLayout.Wider(key, first.Like(key), second.Like(key)),
        };
    }
}
