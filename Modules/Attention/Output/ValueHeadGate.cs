using GpuTransformer.Host;

namespace GpuTransformer.Modules;

/// <summary>
/// GateValueHeads: each head's output times sigmoid(W x + b), one number per head. Keys: <c>to_v_head_gate.weight</c>, <c>to_v_head_gate.bias</c>.
/// </summary>
internal sealed record ValueHeadGate(Linear Gate, HeadChannels Channels) : IMergedStage
{
    public static ValueHeadGate? Of(Attention owner, ParameterInitializer initializer)
    {
        AttentionOptions options = owner.Options;
        if (!options.GateValueHeads)
            return null;
        Linear gate = owner.Own("to_v_head_gate", new Linear(options.InputDim, options.QueryHeads, bias: true, initializer, zero: true));

        // Open at the start: sigmoid(10) ≈ 1.
        var bias = new float[options.QueryHeads];
        Array.Fill(bias, 10f);
        gate.Bias!.Write(bias);
        return new ValueHeadGate(gate, HeadChannels.Of(owner));
    }

    // The gate's rows are spread over the channels rather than its output: that one needs no launch of its own.
    public Tensor Finish(Tensor merged, AttentionPass pass)
    {
        (int heads, int dim) = (Gate.Weight.Shape[0], Gate.Weight.Shape[1]);
        Tensor weight = Channels.Spread(Gate.Weight.Like(pass.X), heads, dim), bias = Channels.Spread(Gate.Bias!.Like(pass.X), heads, 1);
        return Operators.Multiply(merged, Operators.Linear(pass.X, weight, bias, Activation.Sigmoid));
    }
}
