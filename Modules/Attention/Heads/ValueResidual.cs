using GpuTransformer.Host;

namespace GpuTransformer.Modules;

/// <summary>
/// Value residual: v₁ + m · (v − v₁), v₁ being the values of the first layer of the same kind where the call has them, and m one half or, with
/// LearnedValueResidualMix, sigmoid(W x + b), one number per token and head. Keys: <c>to_value_residual_mix.0.weight</c>, <c>.bias</c>.
/// </summary>
/// <remarks>Zhou et al. 2024, "Value Residual Learning".</remarks>
internal sealed record ValueResidual(Linear? Mix, int Heads) : IHeadsStage
{
    public static ValueResidual Of(Attention owner, ParameterInitializer initializer)
    {
        AttentionOptions options = owner.Options;
        return new ValueResidual(
            options.LearnedValueResidualMix
                ? owner.Own("to_value_residual_mix", new ModuleGroup(initializer)).Add(
                    "0", new Linear(options.InputDim, options.QueryHeads, bias: true, initializer))
                : null,
            options.QueryHeads);
    }

    public Heads Prepare(Heads heads, AttentionPass pass)
    {
        if (pass.Inputs.ValueResidual is not { } first)
            return heads;
        if (first.Shape != heads.Value.Shape)
            throw ForwardChecks.Wrong(
                "valueResidual", $"'valueResidual' has shape {first.Shape}, but this attention's values are {heads.Value.Shape}; both must agree.");
        first = first.Like(heads.Value);
        if (Mix is null)
            return heads with { Value = Operators.Scale(first + heads.Value, 0.5f) };
        Tensor mix = Mix.Forward(pass.X, Activation.Sigmoid);
        Tensor step = HeadLayout.Parts(heads.Value - first, Heads) * mix.Reshape([mix.Shape[0], mix.Shape[1], Heads, 1]);
        return heads with { Value = first + step.Reshape(first.Shape) };
    }
}
