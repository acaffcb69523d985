using GpuTransformer.Host;

namespace GpuTransformer.Modules;

/// <summary>
/// GateValues and OutputGate: the merged heads times act(g), g being a projection of the input, of the merged heads themselves, or the sum of both; a number
/// per channel or, headwise, per head; in full or of low rank, with a SiLU in between. act is the sigmoid, or SiLU with SwigluValues. Keys: <c>to_v_gate</c>,
/// <c>to_output_gate</c> <c>.weight</c>, of low rank <c>.down.weight</c> and <c>.up.weight</c>.
/// </summary>
/// <remarks>Lin et al. 2025 and others, "gated attention".</remarks>
internal sealed class HeadGates : IMergedStage
{
    private readonly Gate? _input;
    private readonly Gate? _output;
    private readonly Activation _activation;
    private readonly int _heads;

    private HeadGates(Attention owner, ParameterInitializer initializer)
    {
        AttentionOptions options = owner.Options;
        _heads = options.QueryHeads;
        _activation = options.SwigluValues ? Activation.Silu : Activation.Sigmoid;
        if (options.GateValues)
            _input = new Gate(owner, "to_v_gate", options.InputDim, options.GateValuesHeadwise, options.GateValuesRank, initializer);
        if (options.OutputGate)
            _output = new Gate(owner, "to_output_gate", options.MergedWidth, options.OutputGateHeadwise, options.OutputGateRank, initializer);
    }

    public static HeadGates? Of(Attention owner, ParameterInitializer initializer)
        => owner.Options.GateValues || owner.Options.OutputGate ? new HeadGates(owner, initializer) : null;

    public Tensor Finish(Tensor merged, AttentionPass pass)
    {
        // A projection can apply the activation in its own launch.
        if (_input is null || _output is null)
            return Times(merged, _input?.Forward(pass.X, _activation) ?? _output!.Forward(merged, _activation));
        Tensor input = _input.Forward(pass.X), output = _output.Forward(merged);
        if (input.Shape == output.Shape)
            return Times(merged, Operators.Activate(Operators.Add(input, output), _activation));
        Tensor logits = Parts(input) + Parts(output);
        return Times(merged, Operators.Activate(logits.Reshape(merged.Shape), _activation));
    }

    private Tensor Times(Tensor merged, Tensor gate)
        => gate.Shape == merged.Shape ? Operators.Multiply(merged, gate) : (HeadLayout.Parts(merged, _heads) * Parts(gate)).Reshape(merged.Shape);

    // [batch, queries, heads, 1 or valueDim]
    private Tensor Parts(Tensor gate) => HeadLayout.Parts(gate, _heads);

    private sealed class Gate
    {
        private readonly Linear? _down;
        private readonly Linear _up;
        private readonly Activation _between;

        public Gate(Attention owner, string name, int from, bool isHeadwise, int? rank, ParameterInitializer initializer)
        {
            int to = isHeadwise ? owner.Options.QueryHeads : owner.Options.MergedWidth;
            _between = owner.Options.LowRankSiluGates ? Activation.Silu : Activation.None;
            if (rank is not { } narrow)
            {
                _up = owner.Own(name, new Linear(from, to, bias: false, initializer, zero: true));
                return;
            }

            ModuleGroup group = owner.Own(name, new ModuleGroup(initializer));
            _down = group.Add("down", new Linear(from, narrow, bias: false, initializer));
            _up = group.Add("up", new Linear(narrow, to, bias: false, initializer, zero: true));
        }

        public Tensor Forward(Tensor x, Activation activation = Activation.None) => _up.Forward(_down?.Forward(x, _between) ?? x, activation);
    }
}
