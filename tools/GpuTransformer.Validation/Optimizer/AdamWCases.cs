using GpuTransformer.Host;

namespace GpuTransformer.Validation;

/// <summary>The validation sweep of AdamW.</summary>
internal static class AdamWCases
{
    private static readonly AdamWStep s_case = new(3e-3, 7, 0.05, 0.9, 0.95, 1e-8);

    public static readonly OperatorSweep Sweep = OperatorSweep.Of(
        AdamWOperator.Definition, static seed => OptimizerCases.Sweep(seed, AdamWOperator.Rule(s_case), static s => Step(s), static s => Step(s)));

    private static (T Parameter, T First, T Second) Step<T>(OptimizerCases.State<T> s)
        where T : System.Numerics.IFloatingPointIeee754<T>
        => OptimizerReference.AdamW(
            s.Parameter, s.First, s.Second, s.Gradient, s_case.Rate, s_case.Beta1, s_case.Beta2, s_case.Epsilon, s_case.Decay, (int)s_case.Step);
}
