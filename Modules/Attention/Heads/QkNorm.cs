using GpuTransformer.Host;

namespace GpuTransformer.Modules;

/// <summary>
/// QkNorm: queries and keys of each head, in groups, as unit vectors, with learned gains if QkNormDimScale. The learned keys of memory are normalised alike.
/// Keys: <c>qk_norm_q_scale</c>, <c>qk_norm_k_scale</c> [heads, 1, dimHead].
/// </summary>
internal sealed record QkNorm(HeadNorm Query, HeadNorm Key) : IHeadsStage
{
    public static QkNorm? Of(Attention owner, ParameterInitializer initializer)
    {
        AttentionOptions options = owner.Options;
        if (!options.QkNorm)
            return null;
        int group = options.DimHead / options.QkNormGroups;
        float gain = MathF.Sqrt(MathF.Sqrt(options.DimHead));
        HeadNorm Norm(string name, int heads)
            => new(group, options.QkNormDimScale ? owner.Own(name, initializer.Constant([heads, 1, options.DimHead], gain)) : null, 0f);
        return new QkNorm(Norm("qk_norm_q_scale", options.QueryHeads), Norm("qk_norm_k_scale", options.KeyValueHeads));
    }

    /// <summary>
    /// What q·k is multiplied with: a <see cref="HeadNorm"/> gives vectors √groupWidth times longer than unit ones, so the product of two is groupWidth times
    /// too large.
    /// </summary>
    public static float Scale(AttentionOptions options)
    {
        float plain = 1f / MathF.Sqrt(options.DimHead);
        return !options.QkNorm ? plain : (options.QkNormDimScale ? plain : options.QkNormScale) * options.QkNormGroups / options.DimHead;
    }

    public Heads Prepare(Heads heads, AttentionPass pass) => heads with { Query = Query.Forward(heads.Query), Key = Key.Forward(heads.Key) };
}
