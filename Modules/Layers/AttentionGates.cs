using GpuTransformer.Host;

namespace GpuTransformer.Modules;

/// <summary>What multiplies attention's merged heads [batch, queries, heads · valueDim] before the output projection, in x-transformers' order.</summary>
/// <param name="Options">The attention's options.</param>
/// <param name="Values">Per channel: act(W x).</param>
/// <param name="Heads">Per head: sigmoid(W x + b).</param>
/// <param name="HeadScale">Per head, learned: [1, heads, 1, 1].</param>
/// <param name="HeadOfChannel">int32 [1, heads · valueDim]: the head that each merged channel belongs to; needed by the two per head.</param>
internal sealed record AttentionGates(AttentionOptions Options, Linear? Values, Linear? Heads, Tensor? HeadScale, Tensor? HeadOfChannel)
{
    public static Tensor? CreateHeadOfChannel(AttentionOptions options, ComputeDevice device)
    {
        if (!options.HeadScale && !options.GateValueHeads)
            return null;
        int[] head = new int[options.MergedWidth];
        for (int i = 0; i < head.Length; i++)
            head[i] = i / options.ValueHeadDim;
        Tensor tensor = Tensor.Persistent(device, [1, head.Length], DType.Int32);
        tensor.Write(head);
        return tensor;
    }

    /// <summary>Open at the start: sigmoid(10) ≈ 1.</summary>
    public static Linear HeadGate(AttentionOptions options, ParameterInitializer initializer)
    {
        var gate = new Linear(options.InputDim, options.QueryHeads, bias: true, initializer, zero: true);
        var bias = new float[options.QueryHeads];
        Array.Fill(bias, 10f);
        gate.Bias!.Write(bias);
        return gate;
    }

    public Tensor Forward(Tensor merged, Tensor x)
    {
        if (HeadScale is not null)
            merged = Operators.ScaleAndShift(merged, PerChannel(HeadScale.Like(merged).Reshape([1, Options.QueryHeads, 1])).Reshape([Options.MergedWidth]), null);
        if (Heads is not null)
        {
            int channels = Options.MergedWidth;
            Tensor weight = PerChannel(Heads.Weight.Like(x).Reshape([1, Options.QueryHeads, Options.InputDim])).Reshape([channels, Options.InputDim]);
            Tensor bias = PerChannel(Heads.Bias!.Like(x).Reshape([1, Options.QueryHeads, 1])).Reshape([channels]);
            merged = Operators.Multiply(merged, Operators.Linear(x, weight, bias, Activation.Sigmoid));
        }

        return Values is null ? merged : Operators.Multiply(merged, Values.Forward(x, Options.SwigluValues ? Activation.Silu : Activation.Sigmoid));
    }

    /// <summary>[1, heads, width] becomes [1, heads · valueDim, width]: each head's row for each of its channels.</summary>
    private Tensor PerChannel(Tensor perHead) => Operators.GatherRows(perHead, HeadOfChannel!);
}
