using GpuTransformer.Host;

namespace GpuTransformer.Modules;

/// <summary>
/// RelPosBias, T5's position bias: a learned number for each head and range of distance, times √dimHead. Ranges are single distances at first, then grow
/// logarithmically up to RelPosMaxDistance; where the stack is not causal, half of them are for keys behind the query. Key:
/// <c>relative_attention_bias.weight</c> [buckets, heads].
/// </summary>
/// <remarks>Raffel et al. 2019, "Exploring the Limits of Transfer Learning".</remarks>
internal sealed class BucketBias : Module, IDistanceBias
{
    private readonly Tensor _table; // [buckets, heads]
    private readonly bool _causal;
    private readonly int _farthest;
    private readonly float _scale;

    public BucketBias(AttentionLayersOptions options, ParameterInitializer initializer)
        : base(initializer)
    {
        (_causal, _farthest, _scale) = (options.Causal, options.RelPosMaxDistance, MathF.Sqrt(options.Attn.DimHead));
        _table = AddChild("relative_attention_bias", new ModuleGroup(initializer)).AddTensor(
            "weight", initializer.Normal([options.RelPosNumBuckets, options.Heads]));
    }

    /// <summary>The range that a distance belongs to.</summary>
    /// <param name="distance">The key's position less the query's.</param>
    /// <param name="causal">Whether keys behind the query have no ranges of their own.</param>
    /// <param name="buckets">How many ranges there are.</param>
    /// <param name="farthest">From where on all belongs to the last.</param>
    public static int Bucket(int distance, bool causal, int buckets, int farthest)
    {
        int first = 0, behind = -distance;
        if (!causal)
        {
            buckets /= 2;
            first = behind < 0 ? buckets : 0;
            behind = Math.Abs(behind);
        }

        behind = Math.Max(behind, 0);
        int exact = buckets / 2;
        if (behind < exact)
            return first + behind;
        float share = MathF.Log((float)behind / exact) / (float)Math.Log((double)farthest / exact);
        return first + Math.Min(buckets - 1, exact + (int)(share * (buckets - exact)));
    }

    /// <inheritdoc/>
    public ScoreOptions Add(ScoreOptions scores, int queries, int keys)
    {
        int back = Math.Min(keys - 1, _farthest), ahead = _causal ? 0 : Math.Min(queries - 1, _farthest), span = back + ahead + 1;
        int[] buckets = [.. Enumerable.Range(-back, span).Select(distance => Bucket(distance, _causal, _table.Shape[0], _farthest))];
        Tensor rows = Operators.IndexSelect(_table, 0, Tensor.From(Device, [span], buckets)).As(DType.Float32);
        return DistanceTable.Add(scores, Operators.Scale(rows.Transpose(0, 1), _scale), back);
    }

    /// <inheritdoc/>
    public override Tensor Invoke(CallArguments arguments) => throw new NotSupportedException("Positions belong to a stack; call the stack.");
}
