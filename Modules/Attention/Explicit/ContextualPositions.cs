using GpuTransformer.Host;

namespace GpuTransformer.Modules;

/// <summary>How positions are counted by <see cref="ContextualPositions"/>.</summary>
/// <param name="MaxPos">How many positions there are; what is farther away counts as the last.</param>
/// <param name="SoftOnehot">Whether the vectors of all positions are mixed by a softmax over their distance, in place of the two nearest.</param>
/// <param name="TalkingHeads">Whether the gates are of scores mixed over heads.</param>
/// <param name="Width">Of a head.</param>
internal sealed record CopeSettings(int MaxPos, bool SoftOnehot, bool TalkingHeads, int Width);

/// <summary>
/// CoPE: the position of key j for query i is p = Σ_{k ≥ j} sigmoid(score_ik), at most MaxPos − 1, and q_i·e_p is added to the score, e being a learned vector
/// for each whole position and linear in between. Keys: <c>cope.pos_emb</c> [maxPos, dimHead], and <c>cope.talking_heads.weight</c>.
/// </summary>
/// <remarks>Golovneva et al. 2024, "Contextual Position Encoding".</remarks>
internal sealed class ContextualPositions : Module
{
    private const float SoftOnehotTemperature = 0.05f;

    private readonly CopeSettings _settings;
    private readonly Tensor _vectors; // [maxPos, dimHead]
    private readonly TalkingHeads? _talking;

    public ContextualPositions(CopeSettings settings, int heads, ParameterInitializer initializer)
        : base(initializer)
    {
        using StepScope construction = Device.BeginConstruction();
        _settings = settings;
        _vectors = AddParameter("pos_emb", initializer.Constant([settings.MaxPos, settings.Width], 0f));
        if (settings.TalkingHeads)
            _talking = new TalkingHeads(AddChild("talking_heads", new ModuleGroup(initializer)).AddTensor(
                "weight", initializer.Identity([heads, heads, 1, 1])));
        if (settings.SoftOnehot)
            AddBuffer("positions", Tensor.Persistent(Device, [settings.MaxPos])).Write([.. Enumerable.Range(0, settings.MaxPos).Select(static p => (float)p)]);
        construction.Complete();
    }

    /// <summary>The scores with what positions add.</summary>
    /// <param name="query">[batch, heads, queries, dimHead]</param>
    /// <param name="scores">float32 [batch, heads, queries, keys], hidden ones as low as a number can be.</param>
    /// <param name="visible">Who sees whom, or null for all.</param>
    public Tensor Add(Tensor query, Tensor scores, Tensor? visible)
    {
        // Other options may have put columns behind the query's own.
        query = query.Shape[3] == _settings.Width ? query : query.Narrow(-1, 0, _settings.Width);
        int most = _settings.MaxPos;
        Tensor gates = Operators.Sigmoid(_talking is null ? scores : ScoreRules.Lowest(visible, _talking.Mix(scores)));
        Tensor fromEnd = gates.Sum(-1, keepDim: true) - gates.CumulativeSum(-1) + gates;
        Tensor last = Tensor.From(scores.Device, [1], [most - 1f]);
        Tensor position = Operators.Where(fromEnd <= most - 1f, fromEnd, last);
        Tensor products = Operators.BatchedMatrixMultiply(query, _vectors.Like(query).Reshape([1, 1, most, _settings.Width]), transposeRight: true)
            .As(DType.Float32);

        // e between two whole positions is the sum of all, each weighted with what of 1 its distance leaves: no index is needed, and the gradient is the slope.
        Tensor? sum = null, all = null;
        for (int p = 0; p < most; p++)
        {
            Tensor distance = Operators.Abs(position - p);
            Tensor weight = _settings.SoftOnehot ? Operators.Exp(distance * (-1f / SoftOnehotTemperature)) : Operators.Activate(1f - distance, Activation.Relu);
            Tensor part = weight * products.Narrow(-1, p, 1);
            sum = sum is null ? part : sum + part;
            if (_settings.SoftOnehot)
                all = all is null ? weight : all + weight;
        }

        return scores + (all is null ? sum! : sum! / all);
    }

    /// <inheritdoc/>
    public override Tensor Invoke(CallArguments arguments) => throw new NotSupportedException("Positions belong to an attention; call it.");
}
