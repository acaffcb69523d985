using GpuTransformer.Kernels;

namespace GpuTransformer.Host;

/// <summary>Lion in the catalogue.</summary>
internal static class LionOperator
{
    public static readonly OperatorDefinition<OptimizerArguments<LionRule>> Definition = OptimizerOperator<LionRule>.Define(
        "LionUpdate", "u = β₁ m + (1 − β₁) g; p ← (1 − rate · decay) p − rate · sign(u); m ← β₂ m + (1 − β₂) g");

    public static LionRule Rule(double rate, double beta1, double beta2, double decay)
        => new() { Keep = (float)(1 - rate * decay), Rate = (float)rate, Beta1 = (float)beta1, Beta2 = (float)beta2 };
}
