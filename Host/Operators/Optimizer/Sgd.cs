using GpuTransformer.Kernels;

namespace GpuTransformer.Host;

/// <summary>Gradient descent with momentum in the catalogue.</summary>
internal static class SgdOperator
{
    public static readonly OperatorDefinition<OptimizerArguments<SgdRule>> Definition = OptimizerOperator<SgdRule>.Define(
        "SgdUpdate", "m ← μ m + g + decay · p; p ← p − rate · m");

    public static SgdRule Rule(double rate, double momentum, double decay) => new() { Rate = (float)rate, Momentum = (float)momentum, Decay = (float)decay };
}
