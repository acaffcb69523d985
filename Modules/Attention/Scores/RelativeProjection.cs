using GpuTransformer.Host;

namespace GpuTransformer.Modules;

/// <summary>
/// UseRelProjPosBias: a query adds to the score of the key r positions before it Σ_b w_b · curve_b(r), w being a projection of the query's input for each head
/// and the curves learned, for 0 ≤ r &lt; RelProjMaxDist; nothing beyond. The bias is a tensor [batch, heads, queries, keys]. Keys:
/// <c>rel_proj_pos_bias.distance_bank</c> [basis, maxDist], <c>rel_proj_pos_bias.to_distance_weights.0.weight</c>, <c>.bias</c>.
/// </summary>
internal sealed record RelativeProjection(Tensor Bank, Linear Weights) : IScoresStage
{
    private const float InitialDeviation = 0.02f;

    public static RelativeProjection? Of(Attention owner, ParameterInitializer initializer)
    {
        AttentionOptions options = owner.Options;
        if (!options.UseRelProjPosBias)
            return null;
        ModuleGroup group = owner.Own("rel_proj_pos_bias", new ModuleGroup(initializer));
        Tensor bank = group.AddTensor("distance_bank", initializer.Normal([options.RelProjNumDistanceBasis, options.RelProjMaxDist], InitialDeviation));
        return new RelativeProjection(bank, group.Add("to_distance_weights", new ModuleGroup(initializer)).Add(
            "0", new Linear(options.InputDim, options.QueryHeads * options.RelProjNumDistanceBasis, bias: true, initializer)));
    }

    public ScoreOptions Prepare(ScoreOptions scores, Heads heads, AttentionPass pass)
    {
        (int batch, int queries, int count) = (pass.X.Shape[0], pass.X.Shape[1], heads.QueryHeads);
        (int basis, int reach, int keys) = (Bank.Shape[0], Bank.Shape[1], heads.OwnKeys);
        Tensor weights = HeadLayout.Split(Weights.Forward(pass.X), count).As(DType.Float32);
        Tensor curves = Operators.BatchedMatrixMultiply(weights, Bank.As(DType.Float32).Reshape([1, 1, basis, reach]));
        var distances = new int[queries * keys];
        var isInReach = new bool[distances.Length];
        for (int i = 0; i < distances.Length; i++)
        {
            int distance = i / keys + (keys - queries) - i % keys;
            isInReach[i] = distance >= 0 && distance < reach;
            distances[i] = Math.Clamp(distance, 0, reach - 1);
        }

        Tensor index = Tensor.From(pass.X.Device, [1, 1, queries, keys], distances).Expand([batch, count, queries, keys]);
        Tensor bias = Operators.Where(Tensor.From(pass.X.Device, [queries, keys], isInReach), Operators.Gather(curves, -1, index), 0f);
        return scores.WithBias(bias);
    }
}
