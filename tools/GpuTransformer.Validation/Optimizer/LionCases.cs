using GpuTransformer.Host;

namespace GpuTransformer.Validation;

/// <summary>The validation sweep of Lion.</summary>
internal static class LionCases
{
    private const double Rate = 1e-3, Beta1 = 0.9, Beta2 = 0.99, Decay = 0.1;

    public static readonly OperatorSweep Sweep = OperatorSweep.Of(
        LionOperator.Definition,
        static seed => OptimizerCases.Sweep(seed, LionOperator.Rule(Rate, Beta1, Beta2, Decay), static s => Step(s), static s => Step(s)));

    private static (T Parameter, T First, T Second) Step<T>(OptimizerCases.State<T> s)
        where T : System.Numerics.IFloatingPointIeee754<T>
    {
        (T parameter, T first) = OptimizerReference.Lion(s.Parameter, s.First, s.Gradient, Rate, Beta1, Beta2, Decay);
        return (parameter, first, s.Second);
    }
}
