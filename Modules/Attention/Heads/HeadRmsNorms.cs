using GpuTransformer.Host;

namespace GpuTransformer.Modules;

/// <summary>
/// RMS normalisation of each head of queries, keys or values with learned gains: QkRmsnorm, KRmsnorm, ValueRmsnorm. Keys: <c>{q,k,value}_rmsnorm.gamma</c>.
/// </summary>
internal sealed record HeadRmsNorms(MultiheadRmsNorm? Query, MultiheadRmsNorm? Key, MultiheadRmsNorm? Value) : IHeadsStage
{
    public static HeadRmsNorms? Of(Attention owner, ParameterInitializer initializer)
    {
        AttentionOptions options = owner.Options;
        if (!options.QkRmsnorm && !options.KRmsnorm && !options.ValueRmsnorm)
            return null;
        MultiheadRmsNorm Norm(string name, int heads) => owner.Own(name, new MultiheadRmsNorm(heads, options.DimHead, initializer));
        return new HeadRmsNorms(
            options.QkRmsnorm ? Norm("q_rmsnorm", options.QueryHeads) : null,
            options.QkRmsnorm || options.KRmsnorm ? Norm("k_rmsnorm", options.KeyValueHeads) : null,
            options.ValueRmsnorm ? Norm("value_rmsnorm", options.KeyValueHeads) : null);
    }

    public Heads Prepare(Heads heads, AttentionPass pass) => heads with
    {
        Query = Query?.Forward(heads.Query) ?? heads.Query, Key = Key?.Forward(heads.Key) ?? heads.Key, Value = Value?.Forward(heads.Value) ?? heads.Value,
    };
}
