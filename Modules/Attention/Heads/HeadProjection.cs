using GpuTransformer.Host;

namespace GpuTransformer.Modules;

/// <summary>
/// The projections to queries, keys and values. With UseLatentQ or UseLatentKv what they are projected from is projected to a narrower latent first, and with
/// LatentRopeSubheads the last heads of the keys come from the source itself, to be rotated while the others are not: multi-head latent attention. Keys:
/// <c>to_q</c>, <c>to_k</c>, <c>to_v</c>, <c>to_latent_q</c>, <c>to_latent_kv</c>, <c>to_rotateable_k</c> <c>.weight</c>.
/// </summary>
/// <remarks>DeepSeek-AI 2024 (latents); DeepSeek-AI 2024, "DeepSeek-V2" (decoupled rotary heads).</remarks>
internal sealed class HeadProjection
{
    private readonly Linear? _latentQuery;
    private readonly Linear? _latentKeyValue;
    private readonly Linear? _rotatedKey;
    private readonly Linear _query;
    private readonly Linear _key;
    private readonly Linear _value;
    private readonly int _queryHeads;
    private readonly int _keyValueHeads;
    private readonly float _scale;

    public HeadProjection(Attention owner, ParameterInitializer initializer)
    {
        AttentionOptions options = owner.Options;
        (_queryHeads, _keyValueHeads, _scale) = (options.QueryHeads, options.KeyValueHeads, QkNorm.Scale(options));
        int queryFrom = options.UseLatentQ ? options.DimLatentQ!.Value : options.InputDim;
        int sourceFrom = options.UseLatentKv ? options.DimLatentKv!.Value : options.SourceDim, rotated = (options.LatentRopeSubheads ?? 0) * options.DimHead;
        if (options.UseLatentQ)
            _latentQuery = Project("to_latent_q", options.InputDim, queryFrom);
        if (options.UseLatentKv)
            _latentKeyValue = Project("to_latent_kv", options.SourceDim, sourceFrom);
        if (rotated > 0)
            _rotatedKey = Project("to_rotateable_k", options.SourceDim, rotated);
        _query = Project("to_q", queryFrom, options.QueryWidth);
        _key = Project("to_k", sourceFrom, options.KeyWidth - rotated);
        _value = Project("to_v", sourceFrom, options.ValueWidth);

        Linear Project(string name, int from, int to) => owner.Own(name, new Linear(from, to, bias: false, initializer));
    }

    /// <param name="x">What queries are projected from.</param>
    /// <param name="keySource">What keys are projected from.</param>
    /// <param name="valueSource">What values are projected from.</param>
    /// <param name="deltas">What is added to each.</param>
    public Heads Project(Tensor x, Tensor keySource, Tensor valueSource, AttentionDeltas? deltas)
    {
        Tensor keyLatent = _latentKeyValue?.Forward(keySource) ?? keySource;
        Tensor valueLatent = ReferenceEquals(keySource, valueSource) ? keyLatent : _latentKeyValue?.Forward(valueSource) ?? valueSource;
        Tensor key = Add(_key.Forward(keyLatent), deltas?.Key), value = Add(_value.Forward(valueLatent), deltas?.Value);
        if (_rotatedKey is not null)
            key = Operators.Concatenate([key, _rotatedKey.Forward(keySource)], -1);
        return new Heads(Add(_query.Forward(_latentQuery?.Forward(x) ?? x), deltas?.Query), key, value, _queryHeads, _keyValueHeads, _scale);
    }

    private static Tensor Add(Tensor projected, Tensor? delta) => delta is null ? projected : projected + delta.Like(projected);
}
