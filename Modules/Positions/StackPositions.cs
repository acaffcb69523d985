using GpuTransformer.Host;

namespace GpuTransformer.Modules;

/// <summary>What a stack knows of positions, and how its attentions get to know it.</summary>
internal sealed class StackPositions
{
    private readonly AlibiBias? _alibi;
    private readonly RotaryPositions? _rotary;
    private readonly PolarPositions? _polar;
    private readonly IDistanceBias? _distance;

    public StackPositions(AttentionLayers owner, ParameterInitializer initializer)
    {
        AttentionLayersOptions options = owner.Options;
        if (options.AlibiPosBias)
        {
            _alibi = new AlibiBias(options, owner.Device);
            owner.Own(_alibi.Slopes);
        }

        if (options.HasRotary)
            _rotary = owner.Own("rotary_pos_emb", new RotaryPositions(options, initializer));
        if (options.PolarPosEmb)
            _polar = owner.Own("polar_pos_emb", new PolarPositions(options, initializer));
        if (options.RelPosBias)
            _distance = owner.Own("rel_pos", new BucketBias(options, initializer));
        if (options.DynamicPosBias)
            _distance = owner.Own("rel_pos", new DynamicBias(options, initializer));
    }

    /// <summary>What self-attention is given.</summary>
    public BranchInputs ForSelfAttention(StackInputs inputs, Tensor x, BranchInputs branch)
    {
        (int length, int memories) = (x.Shape[1], inputs.MemoryLength);
        ScoreOptions scores = branch.Scores! with { AlibiSlopes = _alibi?.Slopes, AlibiPositions = _alibi?.Positions(inputs.Pos, x) };
        if (_distance is not null)
            scores = _distance.Add(scores, length, memories + inputs.Before + length);
        branch = branch with { Scores = scores };
        if (_rotary is null && _polar is null)
            return branch;
        Tensor positions = Positions(inputs, x);
        float? last = inputs.Cache is not null ? 0f : inputs.Pos is null ? length - 1f : null;
        if (_rotary?.Of(positions, last) is { } rotation)
            branch = branch with { Rotation = rotation with { Query = Last(rotation.Query, length) } };
        if (_polar?.Of(positions) is { } polar)
            branch = branch with { Polar = polar with { QueryCosine = Last(polar.QueryCosine, length), QuerySine = Last(polar.QuerySine, length) } };
        return branch;
    }

    /// <summary>What cross-attention is given: rotations where the context's positions are known.</summary>
    public BranchInputs ForCrossAttention(StackInputs inputs, Tensor x, BranchInputs branch)
    {
        if (_rotary is null || inputs.ContextPos is not { } given)
            return branch;
        Tensor context = PositionTensors.Given(given, x.Shape[0], inputs.Context!.Shape[1], "contextPos", inputs.Context.Shape);
        RotationTables query = _rotary.Of(Last(Positions(inputs, x), x.Shape[1]), inputs.Cache is not null ? 0f : inputs.Pos is null ? x.Shape[1] - 1f : null);
        return branch with { Rotation = new RotationTables(query.Query, _rotary.Of(context, inputs.Cache is not null ? 0f : null).Key) };
    }

    // [1 or batch, memories + sequence]: memories stand before 0. With a cache the decay's centre must stay where it is from call to call.
    private static Tensor Positions(StackInputs inputs, Tensor x)
    {
        int length = x.Shape[1], memories = inputs.Before > 0 ? 0 : inputs.MemoryLength, all = length + memories;
        return inputs.Pos is { } given
            ? PositionTensors.Given(given, x.Shape[0], all, "pos", x.Shape)
            : PositionTensors.Counted(x.Device, inputs.Before - memories, all);
    }

    private static Tensor Last(Tensor rows, int count) => rows.Shape[1] == count ? rows : rows.Narrow(1, rows.Shape[1] - count, count);
}
