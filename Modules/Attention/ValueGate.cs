using GpuTransformer.Host;

namespace GpuTransformer.Modules;

/// <summary>GateValues: the merged heads times act(W x), per channel; act is sigmoid, or SiLU with SwigluValues. Key: <c>to_v_gate.weight</c>.</summary>
internal sealed record ValueGate(Linear Gate, Activation Activation) : IMergedStage
{
    public static ValueGate? Of(Attention owner, ParameterInitializer initializer)
    {
        AttentionOptions options = owner.Options;
        return !options.GateValues ? null : new ValueGate(
            owner.Own("to_v_gate", new Linear(options.InputDim, options.MergedWidth, bias: false, initializer, zero: true)),
            options.SwigluValues ? Activation.Silu : Activation.Sigmoid);
    }

    public Tensor Finish(Tensor merged, Tensor x) => Operators.Multiply(merged, Gate.Forward(x, Activation));
}
