using GpuTransformer.Host;

namespace GpuTransformer.Modules;

/// <summary>
/// Attends with the scores as a tensor [batch, heads, queries, keys], made of the tensor algebra: for options that mix or rank whole rows of them. What
/// <see cref="ScoreOptions"/> says holds as in the fused operator. Scores and weights are float32.
/// </summary>
internal sealed class ExplicitAttend
{
    private readonly TalkingHeads? _pre;
    private readonly TalkingHeads? _post;
    private readonly TalkingHeads? _factor;
    private readonly Tensor? _sink;
    private readonly ContextualPositions? _positions;
    private readonly IWeights _weights;
    private readonly bool _isSelective;

    /// <param name="options">What it is.</param>
    /// <param name="sink">[heads]: HeadLearnedSink's numbers, or null.</param>
    /// <param name="positions">CoPE, or null.</param>
    /// <param name="parameter">Makes the matrix [heads, heads, 1, 1] of talking heads of that name.</param>
    public ExplicitAttend(AttendOptions options, Tensor? sink, ContextualPositions? positions, Func<string, int, Tensor> parameter)
    {
        _positions = positions;
        _pre = Heads(options.PreTalkingHeads, "pre_softmax_talking_heads");
        _post = Heads(options.PostTalkingHeads, "post_softmax_talking_heads");
        _factor = Heads(options.PreScalePostTalkingHeads, "pre_scale_post_talking_heads");
        _sink = sink;
        _isSelective = options.Selective;
        _weights = options.Sigmoid ? new SigmoidWeights()
            : options.CogSigned ? new CogSignedWeights()
            : options.InvertedAttention ? new InvertedWeights()
            : options.Hard ? new HardWeights()
            : options.SparseTopk is { } count ? new SparseTopkWeights(count, options.SparseTopkStraightThrough)
            : new SoftmaxWeights();

        TalkingHeads? Heads(bool on, string name) => on ? new TalkingHeads(parameter(name, options.Heads!.Value)) : null;
    }

    /// <param name="heads">What attends.</param>
    /// <param name="options">How scores are made.</param>
    /// <param name="inputs">What else the call was given.</param>
    /// <returns>As the fused operator: [batch, queries, heads · valueDim], or [batch, heads, queries, valueDim] of head-major heads.</returns>
    public Tensor Forward(Heads heads, ScoreOptions options, BranchInputs inputs)
    {
        bool isSplit = options.Layout == AttentionLayout.HeadMajor;
        Tensor query = isSplit ? heads.Query : HeadLayout.Split(heads.Query, heads.QueryHeads);
        Tensor key = ForEachQueryHead(heads.Key, heads, isSplit), value = ForEachQueryHead(heads.Value, heads, isSplit);
        (int batch, int count, int queries, int keys) = (query.Shape[0], heads.QueryHeads, query.Shape[2], key.Shape[2]);

        // Nothing attends to nothing.
        if (batch == 0 || queries == 0 || keys == 0)
        {
            int width = value.Shape[3];
            return Tensor.Zeros(value.Device, isSplit ? [batch, count, queries, width] : [batch, queries, count * width], value.DType);
        }

        var rules = ScoreRules.Of(options, query.Device, batch, queries, keys);

        Tensor scores = Operators.Scale(Operators.BatchedMatrixMultiply(query, key, transposeRight: true).As(DType.Float32), heads.Scale);
        if (inputs.PreviousScores is { } previous)
            scores += previous;
        Tensor? factor = _factor?.Mix(scores);
        if (_pre is not null)
            scores += _pre.Mix(scores);
        if (rules.Bias is not null)
            scores += rules.Bias;
        if (options.SoftClamp is { } clamp)
            scores = Operators.SoftClamp(scores, clamp);
        if (_positions is not null)
            scores = _positions.Add(query, ScoreRules.Lowest(rules.Visible, scores), rules.Visible);
        if (_isSelective)
            scores = SelectiveScores.Of(scores, rules.Visible);
        Tensor weights = Weights(scores, rules.Visible);
        if (inputs.Deltas?.Weights is { } delta)
            weights = rules.OnlyLiving(weights + delta.As(DType.Float32));
        inputs.Trace?.Add(ScoreRules.Lowest(rules.Visible, scores), weights);
        if (options.Dropout > 0f)
            weights = Operators.Dropout(weights, options.Dropout, options.DropoutSeed, options.DropoutStream);
        if (_post is not null)
            weights = rules.OnlyLiving(_post.Mix(weights));
        if (factor is not null)
            weights *= factor;
        Tensor output = Operators.BatchedMatrixMultiply(weights.Like(value), value);
        return isSplit ? output : HeadLayout.Merge(output);
    }

    // The sink is a key that no bias and no mask reaches, and whose value is nothing.
    private Tensor Weights(Tensor scores, Tensor? visible)
    {
        if (_sink is null)
            return _weights.Of(scores, visible);
        Tensor number = _sink.Like(scores).Reshape([1, scores.Shape[1], 1, 1]).Expand([.. scores.Shape.Lengths[..3], 1]);
        Tensor all = _weights.Of(Operators.Concatenate([number, scores], -1), visible is null ? null : ScoreRules.BehindVisible(visible, 1));
        return all.Narrow(-1, 1, scores.Shape[3]);
    }

    // [batch, heads, keys, width]: query head h reads key/value head h mod keyValueHeads.
    private static Tensor ForEachQueryHead(Tensor rows, Heads heads, bool isSplit)
    {
        Tensor split = isSplit ? rows : HeadLayout.Split(rows, heads.KeyValueHeads);
        int times = heads.QueryHeads / heads.KeyValueHeads;
        if (times == 1)
            return split;
        (int batch, int count, int keys, int width) = (split.Shape[0], split.Shape[1], split.Shape[2], split.Shape[3]);
        return split.Reshape([batch, 1, count, keys, width]).Expand([batch, times, count, keys, width]).Reshape([batch, heads.QueryHeads, keys, width]);
    }
}
