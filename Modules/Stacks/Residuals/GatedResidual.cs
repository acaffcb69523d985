using GpuTransformer.Host;

namespace GpuTransformer.Modules;

/// <summary>
/// A GRU cell whose input is the branch's output y and whose state is the stream x: r = σ(W_ir y + b_ir + W_hr x + b_hr), z likewise,
/// n = tanh(W_in y + b_in + r · (W_hn x + b_hn)), result (1 − z) · n + z · x. Keys: <c>gru.weight_ih</c>, <c>weight_hh</c> [3 dim, dim],
/// <c>bias_ih</c>, <c>bias_hh</c> [3 dim], rows in the order r, z, n; <c>residual_scale</c> as for a sum.
/// </summary>
/// <remarks>Parisotto et al. 2019, "Stabilizing Transformers for Reinforcement Learning".</remarks>
internal sealed class GatedResidual : Residual
{
    private readonly int _dim;
    private readonly SumResidual _scaling;
    private readonly Tensor _inputWeight; // [3 dim, dim]
    private readonly Tensor _stateWeight; // [3 dim, dim]
    private readonly Tensor _inputBias; // [3 dim]
    private readonly Tensor _stateBias; // [3 dim]

    public GatedResidual(AttentionLayersOptions options, ParameterInitializer initializer)
        : base(initializer)
    {
        using StepScope construction = Device.BeginConstruction();
        _dim = options.Dim;
        _scaling = new SumResidual(options, initializer);
        foreach ((string name, Tensor value) in _scaling.NamedParameters())
            AddParameter(name, value);
        ModuleGroup gru = AddChild("gru", new ModuleGroup(initializer));
        _inputWeight = gru.AddTensor("weight_ih", initializer.Uniform([3 * _dim, _dim], _dim));
        _stateWeight = gru.AddTensor("weight_hh", initializer.Uniform([3 * _dim, _dim], _dim));
        _inputBias = gru.AddTensor("bias_ih", initializer.Uniform([3 * _dim], _dim));
        _stateBias = gru.AddTensor("bias_hh", initializer.Uniform([3 * _dim], _dim));
        construction.Complete();
    }

    public override PreparedStream Prepare(Tensor stream) => _scaling.Prepare(stream);

    public override Tensor Join(Tensor branch, PreparedStream stream, Tensor? mask)
    {
        Tensor prepared = stream.Stream;
        Tensor reset = Operators.Activate(
            Operators.Add(Gate(branch, _inputWeight, _inputBias, 0), Gate(prepared, _stateWeight, _stateBias, 0)), Activation.Sigmoid);
        Tensor update = Operators.Activate(
            Operators.Add(Gate(branch, _inputWeight, _inputBias, 1), Gate(prepared, _stateWeight, _stateBias, 1)), Activation.Sigmoid);
        Tensor state = Operators.Multiply(reset, Gate(prepared, _stateWeight, _stateBias, 2));
        Tensor candidate = Operators.Activate(Operators.Add(Gate(branch, _inputWeight, _inputBias, 2), state), Activation.Tanh);

        // (1 − z) · n + z · x = n + z · (x − n)
        return Operators.Add(candidate, Operators.Multiply(update, Operators.Add(prepared, Operators.Scale(candidate, -1f))));
    }

    /// <summary>One third of a fused projection: 0 reset, 1 update, 2 candidate.</summary>
    private Tensor Gate(Tensor x, Tensor weight, Tensor bias, int part)
    {
        Tensor rows = Operators.SliceRows(weight.Reshape([1, 3 * _dim, _dim]), part * _dim, _dim).Reshape([_dim, _dim]);
        Tensor shift = Operators.SliceRows(bias.Reshape([1, 3 * _dim, 1]), part * _dim, _dim).Reshape([_dim]);
        return Operators.Linear(x, Computed(rows), Computed(shift));
    }
}
