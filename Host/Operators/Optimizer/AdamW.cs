using GpuTransformer.Kernels;

namespace GpuTransformer.Host;

/// <summary>AdamW in the catalogue.</summary>
internal static class AdamWOperator
{
    public static readonly OperatorDefinition<OptimizerArguments<AdamWRule>> Definition = OptimizerOperator<AdamWRule>.Define(
        "AdamWUpdate", "p ← p − rate · decay · p − rate · m̂ / (sqrt(v̂) + ε)");

    public static AdamWRule Rule(in AdamWStep step) => new()
    {
        Keep = (float)(1 - step.Rate * step.Decay),
        Beta1 = (float)step.Beta1,
        Beta2 = (float)step.Beta2,
        StepSize = (float)(step.Rate / (1 - Math.Pow(step.Beta1, step.Step))),
        InverseRootCorrection = (float)(1 / Math.Sqrt(1 - Math.Pow(step.Beta2, step.Step))),
        Epsilon = (float)step.Epsilon,
    };
}
