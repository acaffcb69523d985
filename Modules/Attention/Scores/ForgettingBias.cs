using GpuTransformer.Host;

namespace GpuTransformer.Modules;

/// <summary>
/// DataDependentAlibi where attention is not causal: with f and g the running sums of two gates' logarithms, f_i − f_j is added for keys up to the query, and
/// g_j − g_i for keys from it on. The bias is a tensor [batch, heads, queries, keys]. Keys as <see cref="ForgettingColumns"/>, with twice as many gates.
/// </summary>
internal sealed record ForgettingBias(Linear Projection) : IScoresStage
{
    // Open at the start: sigmoid(5) ≈ 0.993.
    private const float OpenGate = 5f;

    public static ForgettingBias? Of(Attention owner, ParameterInitializer initializer)
        => !owner.Options.DataDependentAlibi || owner.Options.Causal || owner.Options.DataDependentAlibiPerRow
            ? null
            : new ForgettingBias(Gates(owner, 2, initializer));

    /// <summary>The projection to the gates.</summary>
    /// <param name="owner">The attention.</param>
    /// <param name="directions">Gates per head.</param>
    /// <param name="initializer">For the parameters.</param>
    public static Linear Gates(Attention owner, int directions, ParameterInitializer initializer)
    {
        Linear gates = owner.Own("data_dependent_alibi", new ModuleGroup(initializer)).Add("to_forget_gates", new ModuleGroup(initializer)).Add(
            "0", new Linear(owner.Options.InputDim, directions * owner.Options.QueryHeads, bias: true, initializer));
        var bias = new float[gates.Weight.Shape[0]];
        Array.Fill(bias, OpenGate);
        gates.Bias!.Write(bias);
        return gates;
    }

    /// <summary>The running sum of the gates' logarithms: float32 [batch, sequence, gates].</summary>
    public static Tensor RunningSum(Linear gates, Tensor x)
        => Operators.Scale(Operators.Softplus(Operators.Scale(gates.Forward(x).As(DType.Float32), -1f)), -1f).CumulativeSum(1);

    public ScoreOptions Prepare(ScoreOptions scores, Heads heads, AttentionPass pass)
    {
        Tensor sums = RunningSum(Projection, pass.X);
        (int batch, int length, int count) = (sums.Shape[0], sums.Shape[1], heads.QueryHeads);
        Tensor back = Differences(sums.Narrow(-1, 0, count)), ahead = Differences(sums.Narrow(-1, count, count));
        var isBack = new bool[length * length];
        for (int i = 0; i < isBack.Length; i++)
            isBack[i] = i % length <= i / length;
        Tensor bias = Operators.Where(Tensor.From(sums.Device, [length, length], isBack), back, -ahead);
        return scores.WithBias(bias);

        Tensor Differences(Tensor sum)
        {
            Tensor perHead = sum.Permute(0, 2, 1);
            return perHead.Reshape([batch, count, length, 1]) - perHead.Reshape([batch, count, 1, length]);
        }
    }
}

/// <summary>
/// DataDependentAlibiPerRow: every query has gates of its own, ln sigmoid(q′_i·k′_j / √width) for the keys j before it, and key j has their sum from j up to
/// the query added to its score. Causal attention only; the bias is a tensor [batch, heads, queries, keys]. Key:
/// <c>data_dependent_alibi.to_forget_gates.0.weight</c> [2 · heads · width, dim].
/// </summary>
internal sealed record ForgettingRows(Linear Gates, int Width) : IScoresStage
{
    public static ForgettingRows? Of(Attention owner, ParameterInitializer initializer)
    {
        AttentionOptions options = owner.Options;
        if (!options.DataDependentAlibi || !options.DataDependentAlibiPerRow)
            return null;
        int width = options.DataDependentAlibiPerRowDimHead;
        return new ForgettingRows(
            owner.Own("data_dependent_alibi", new ModuleGroup(initializer)).Add("to_forget_gates", new ModuleGroup(initializer)).Add(
                "0", new Linear(options.InputDim, 2 * options.QueryHeads * width, bias: false, initializer)),
            width);
    }

    public ScoreOptions Prepare(ScoreOptions scores, Heads heads, AttentionPass pass)
    {
        Tensor gates = Gates.Forward(pass.X).As(DType.Float32);
        (int batch, int length, int count) = (gates.Shape[0], gates.Shape[1], heads.QueryHeads);
        Tensor query = HeadLayout.Split(gates.Narrow(-1, 0, count * Width), count);
        Tensor key = HeadLayout.Split(gates.Narrow(-1, count * Width, count * Width), count);
        Tensor products = Operators.BatchedMatrixMultiply(query, key, transposeRight: true);
        Tensor logarithms = -Operators.Softplus(Operators.Scale(products, -1f / MathF.Sqrt(Width)));
        var isBefore = new bool[length * length];
        for (int i = 0; i < isBefore.Length; i++)
            isBefore[i] = i % length < i / length;
        logarithms = Operators.Where(Tensor.From(gates.Device, [length, length], isBefore), logarithms, 0f);

        // From each key to the end: all of the row less what is before the key.
        Tensor bias = logarithms.Sum(-1, keepDim: true) - logarithms.CumulativeSum(-1) + logarithms;
        return scores.WithBias(bias.Reshape([batch, count, length, length]));
    }
}
