using GpuTransformer.Host;

namespace GpuTransformer.Modules;

/// <summary>What the layers of a stack hand on to each other in one call, beside the stream.</summary>
internal sealed class StackPass
{
    private readonly AttentionLayersOptions _options;
    private readonly StackInputs _inputs;
    private readonly BranchInputs _self;
    private readonly Queue<Tensor?> _memories;
    private readonly List<Tensor> _entered = [];
    private readonly List<Tensor> _streams = [];
    private readonly Tensor _x;
    private BranchInputs _cross;
    private int _memory, _feedForward, _layer;
    private Tensor? _selfValues, _crossValues, _selfScores, _crossScores;

    /// <param name="options">The stack's.</param>
    /// <param name="inputs">What the call was given.</param>
    /// <param name="self">What self-attention and feedforwards are given.</param>
    /// <param name="cross">What cross-attention is given.</param>
    /// <param name="x">[batch, sequence, dim]: the stack's input.</param>
    public StackPass(AttentionLayersOptions options, StackInputs inputs, BranchInputs self, BranchInputs cross, Tensor x)
    {
        _x = x;
        (_options, _inputs, _self, _cross) = (options, inputs, self, cross);
        _memories = new Queue<Tensor?>(inputs.Mems ?? []);
    }

    /// <summary>The inputs of the layers that ran, in order; kept where a layer may mix them, or the caller asked.</summary>
    public IReadOnlyList<Tensor> Entered => _entered;

    /// <summary>Whether the streams between the layers are needed after their layer.</summary>
    public bool KeepsStreams => _options.UnetSkips || _options.IntegrateLayers || _inputs.Hiddens is not null || _inputs.AttnHiddens is not null;

    /// <summary>What makes a layer more than a function of its own stream, so that it cannot be run again; null for nothing.</summary>
    public string? Handed => _options switch
    {
        { AddValueResidual: true } => nameof(_options.AddValueResidual),
        { ResidualAttn: true } => nameof(_options.ResidualAttn),
        { CrossResidualAttn: true } => nameof(_options.CrossResidualAttn),
        { IntegrateLayers: true } => nameof(_options.IntegrateLayers),
        { NumResidualStreams: > 1 } when _inputs.Hiddens is not null => nameof(_inputs.Hiddens),
        _ => _inputs.Attentions is null ? null : nameof(_inputs.Attentions),
    };

    /// <summary>The stream with what an earlier one adds, before a layer.</summary>
    public Tensor Combine(Tensor x, Linear? combine, int earlier)
    {
        if (_options.UnetSkips)
            _streams.Add(x);
        return combine is null ? x : combine.Forward(Operators.Concatenate([_streams[earlier], x], -1));
    }

    /// <summary>What a layer of a kind is given; called once for each layer, in order.</summary>
    public BranchInputs For(LayerKind kind)
    {
        if (kind == LayerKind.CrossAttention)
        {
            if (_options.CrossAttnTokensDropout > 0 && _cross.Source is { } context && context.Device.Training is { } training)
            {
                Tensor visible = ContextDropout.Mask(context, _cross.Scores!.KeyMask, _options.CrossAttnTokensDropout, training);
                _cross = _cross with { Scores = _cross.Scores with { KeyMask = visible } };
            }

            return Context(_cross with
            {
                Cache = _inputs.Cache?.Layer(_layer++),
                ValueResidual = _crossValues,
                PreviousScores = _crossScores,
                Trace = Trace(_crossValues, _options.CrossResidualAttn),
            });
        }

        if (kind == LayerKind.FeedForward)
            return _inputs.ForFeedForward(_self with { Cache = _inputs.Cache?.Layer(_layer++) }, _feedForward++, _options.Dim);
        LayerCache? cache = _inputs.Cache?.Layer(_layer++);
        (Tensor? memory, Tensor? memoryMask) = Memory(cache);
        int memories = _inputs.MemoryLength;
        return _self with
        {
            Cache = cache,
            ValueResidual = _selfValues,
            PreviousScores = _selfScores,
            Memory = memory,
            Scores = memories == 0 || (memoryMask is null && _self.Scores!.KeyMask is null) ? _self.Scores : _self.Scores! with
            {
                KeyMask = SequenceMasks.Join(_x.Device, _x.Shape[0], (memoryMask, memories), (_self.Scores.KeyMask, _inputs.Before + _x.Shape[1])),
            },
            Trace = Trace(_selfValues, _options.ResidualAttn),
        };
    }

    /// <summary>Notes a layer's input.</summary>
    public void Enter(Tensor input)
    {
        if (_options.IntegrateLayers)
            _entered.Add(input);
    }

    /// <summary>Takes what a layer has left.</summary>
    public void Leave(LayerKind kind, AttentionTrace? trace, InferenceScope scope)
    {
        if (trace is null)
            return;
        bool isSelf = kind == LayerKind.SelfAttention, residual = isSelf ? _options.ResidualAttn : _options.CrossResidualAttn;
        if (_options.AddValueResidual && (isSelf ? _selfValues : _crossValues) is null)
        {
            Tensor values = scope.Keep(trace.Values!);
            if (isSelf)
                _selfValues = values;
            else
                _crossValues = values;
        }

        if (residual)
        {
            if (isSelf)
                _selfScores = scope.Keep(trace.Scores!);
            else
                _crossScores = scope.Keep(trace.Scores!);
        }

        _inputs.Attentions?.Add(new AttentionScores(!isSelf, scope.Keep(trace.Scores!), scope.Keep(trace.Weights!)));
    }

    // What stands before the sequence in the next self-attention, and which of it is seen; a cache has the memories already, and keeps their mask.
    private (Tensor? Memory, Tensor? Mask) Memory(LayerCache? cache)
    {
        Shape shape = [_x.Shape[0], _inputs.MemoryLength];
        if (_inputs.Before > 0)
            return (null, cache!.MemoryMask is { } kept ? Tensor.From(_x.Device, shape, kept) : null);
        Tensor? memory = _memories.TryDequeue(out Tensor? next) ? next : null, mask = memory is null ? null : _inputs.MemMasks?[_memory];
        _memory++;

        // Positions are counted for all layers alike: one without memories has some that nobody sees.
        if (memory is null && shape[1] > 0)
            (memory, mask) = (Tensor.Zeros(_x.Device, [shape[0], shape[1], _options.Dim], _x.DType), Tensor.Zeros(_x.Device, shape, DType.Bool));
        if (cache is not null)
            cache.MemoryMask = mask?.ToBoolArray();
        return (memory, mask);
    }

    // Once the context's keys are known it is not looked at again.
    private static BranchInputs Context(BranchInputs cross)
    {
        if (cross.Cache is not { } cache)
            return cross;
        cache.IsContext = true;
        return cache.Rows == 0 ? cross : cross with
        {
            Source = Tensor.Zeros(cross.Source!.Device, [cross.Source.Shape[0], 0, cross.Source.Shape[2]], cross.Source.DType),
            Rotation = cross.Rotation is { } rotation ? rotation with { Key = rotation.Key.Narrow(1, 0, 0) } : null,
        };
    }

    private AttentionTrace? Trace(Tensor? values, bool residual)
    {
        bool wantsScores = residual || _inputs.Attentions is not null;
        return wantsScores || (_options.AddValueResidual && values is null) ? new AttentionTrace(wantsScores) : null;
    }
}
