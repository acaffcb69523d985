using GpuTransformer.Host;

namespace GpuTransformer.Modules;

/// <content>One layer of a call, and what stands between the layers.</content>
public partial class AttentionLayers
{
    private Tensor RunLayer(int index, Tensor x, StackPass pass, IList<Tensor>? hiddens, InferenceScope outer)
    {
        TransformerLayer layer = _layers[index];
        BranchInputs inputs = pass.For(layer.Kind);
        if (CheckpointLayers && Device.IsRecording)
        {
            if (pass.Handed is { } option)
                throw new InvalidOperationException(
                    $"CheckpointLayers computes each layer twice, but with {option} layers hand on more than the stream. Switch one of them off.");
            hiddens?.Add(x);
            return Device.Checkpoint(() => layer.Forward(x, inputs));
        }

        using InferenceScope scope = InferenceScope.Begin(Device);
        Tensor next = layer.Forward(x, inputs, hiddens is null && _integrators.Count == 0 ? null : input =>
        {
            pass.Enter(input);
            if (!ReferenceEquals(input, x))
                scope.Keep(input);
            hiddens?.Add(outer.Keep(input));
            return _integrators.Count > 0 ? _integrators[index].Forward(input, pass.Entered) : new LayerViews(input);
        });
        pass.Leave(layer.Kind, inputs.Trace, scope);
        return scope.Keep(next);
    }

    // What is added to every layer's input.
    private Tensor? Injected(Tensor x, StackInputs inputs)
    {
        Tensor? injected = _reinject?.Forward(x) ?? Computed(inputs.InAttnCond);
        if (injected is null)
            return null;
        if (injected.Shape.Rank == 2)
            injected = injected.Reshape([injected.Shape[0], 1, injected.Shape[1]]);
        return _reinjectGate is null ? injected : injected * _reinjectGate.Forward(x, Activation.Sigmoid);
    }

    private void AddBetweenLayers(ParameterInitializer initializer)
    {
        if (Options.IntegrateLayers)
        {
            ModuleGroup group = AddChild("layer_integrators", new ModuleGroup(initializer));
            for (int index = 0; index < _plan.Layers.Count; index++)
            {
                bool differ = _plan.Layers[index] == LayerKind.SelfAttention && _plan.Layers.IndexOf(LayerKind.SelfAttention) != index;
                _integrators.Add(group.Add($"{index}", new LayerIntegrator(Options, index + 1, differ ? 3 : 1, initializer)));
            }
        }

        if (!Options.UnetSkips)
            return;

        // The first block of the second half is joined with the last of the first, and so on outwards.
        ModuleGroup combines = AddChild("skip_combines", new ModuleGroup(initializer));
        int depth = Options.Depth!.Value, width = _plan.Layers.Count / depth, earlier = depth / 2;
        for (int block = (depth + 1) / 2; block < depth; block++)
        {
            Linear combine = combines.Add($"{block * width}", new ModuleGroup(initializer)).Add(
                "combine", new Linear(2 * Options.Dim, Options.Dim, bias: false, initializer));
            _skips.Add(block * width, (combine, --earlier * width));
        }
    }

    /// <summary>Why no cache of keys and values can stand for earlier positions; null where one can.</summary>
    internal string? WhyNotCached { get; private set; }

    private string? FindWhyNotCached()
    {
        IEnumerable<AttentionOptions> attentions = 
            Enumerable.Range(0, _plan.Layers.Count).Where(i => _plan.Layers[i] != LayerKind.FeedForward).Select(OptionsOf);
        if (!Options.Causal && _plan.Layers.Contains(LayerKind.SelfAttention))
            return "the stack is not causal: what a position gives depends on those behind it";
        if (LooksAtWholeSequences)
            return "OrthogResidual, MvSplitResidual and OrthogProjectedValues look at whole sequences";
        if (Options.RotaryXpos && attentions.Any(static a => a.NumMemKv > 0))
            return "RotaryXpos scales queries by where they stand in their call, which the keys of NumMemKv, having no position, do not make up for";
        return attentions.Any(static a => a.Selective || a.InvertedAttention || a.DataDependentAlibiPerRow)
            ? "Selective, InvertedAttention and DataDependentAlibiPerRow need the queries of earlier positions too"
            : null;
    }

    private AttentionOptions OptionsOf(int index)
    {
        LayerKind kind = _plan.Layers[index];
        int ordinal = _plan.Layers.Take(index).Count(k => k == kind);
        return kind == LayerKind.SelfAttention ? Options.SelfAttention(ordinal) : Options.CrossAttention(ordinal);
    }

    /// <summary>Whether a layer is a self-attention.</summary>
    internal bool IsSelfAttention(int index) => _plan.Layers[index] == LayerKind.SelfAttention;

    /// <summary>Takes what belongs to the stack's positions.</summary>
    internal TModule Own<TModule>(string name, TModule child)
        where TModule : Module => AddChild(name, child);

    /// <summary>Takes a table that never learns.</summary>
    internal void Own(Tensor constant) => AddConstant(constant);
}
