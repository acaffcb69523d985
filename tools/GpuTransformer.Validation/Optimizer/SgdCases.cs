using GpuTransformer.Host;

namespace GpuTransformer.Validation;

/// <summary>The validation sweep of Sgd.</summary>
internal static class SgdCases
{
    private const double Rate = 1e-2, Momentum = 0.9, Decay = 1e-3;

    public static readonly OperatorSweep Sweep = OperatorSweep.Of(
        SgdOperator.Definition, static seed => OptimizerCases.Sweep(seed, SgdOperator.Rule(Rate, Momentum, Decay), static s => Step(s), static s => Step(s)));

    private static (T Parameter, T First, T Second) Step<T>(OptimizerCases.State<T> s)
        where T : System.Numerics.IFloatingPointIeee754<T>
    {
        (T parameter, T first) = OptimizerReference.Sgd(s.Parameter, s.First, s.Gradient, Rate, Momentum, Decay);
        return (parameter, first, s.Second);
    }
}
