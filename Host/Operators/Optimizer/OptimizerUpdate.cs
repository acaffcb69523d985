using GpuTransformer.Kernels;

namespace GpuTransformer.Host;

/// <summary>The numbers of one AdamW step.</summary>
/// <param name="Rate">The learning rate.</param>
/// <param name="Step">The step's number, from 1: what the moments' bias corrections are computed from.</param>
/// <param name="Decay">Decoupled weight decay: the parameter shrinks by rate · decay.</param>
/// <param name="Beta1">How much of the first moment is kept.</param>
/// <param name="Beta2">How much of the second moment is kept.</param>
/// <param name="Epsilon">Added to the root of the second moment.</param>
public readonly record struct AdamWStep(double Rate, long Step, double Decay = 0.01, double Beta1 = 0.9, double Beta2 = 0.999, double Epsilon = 1e-8);

public static partial class Operators
{
    /// <summary>
    /// One AdamW step in place (Loshchilov and Hutter 2019, as PyTorch computes it): p ← p − rate · decay · p; m ← β₁ m + (1 − β₁) g; v ← β₂ v + (1 − β₂) g²;
    /// p ← p − rate · (m / (1 − β₁ᵗ)) / (sqrt(v / (1 − β₂ᵗ)) + ε).
    /// </summary>
    /// <param name="parameter">float32; changed.</param>
    /// <param name="gradient">float32, of the parameter's shape.</param>
    /// <param name="firstMoment">float32, of the parameter's shape, zero before the first step; changed.</param>
    /// <param name="secondMoment">The same for the squares.</param>
    /// <param name="step">The step's numbers.</param>
    /// <param name="gradientScale">Multiplies the gradient first: clipping, loss scale, accumulation.</param>
    /// <exception cref="ArgumentException">A shape, device or data type does not fit; nothing was changed.</exception>
    public static void AdamWUpdate(Tensor parameter, Tensor gradient, Tensor firstMoment, Tensor secondMoment, in AdamWStep step, float gradientScale = 1f)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(step.Step, 1, nameof(step));
        OptimizerUpdate.CheckNumber(step.Rate, nameof(step.Rate));
        OptimizerUpdate.CheckNumber(step.Decay, nameof(step.Decay));
        OptimizerUpdate.CheckKept(step.Beta1, nameof(step.Beta1));
        OptimizerUpdate.CheckKept(step.Beta2, nameof(step.Beta2));
        if (!(step.Epsilon > 0 && double.IsFinite(step.Epsilon)))
            throw Arguments.Wrong(nameof(step.Epsilon), $"is {step.Epsilon}, but must be a positive number.");
        OptimizerUpdate.Run(AdamWOperator.Definition, parameter, gradient, firstMoment, secondMoment, gradientScale, AdamWOperator.Rule(step));
    }

    /// <summary>One step of gradient descent with momentum in place, as PyTorch computes it: m ← μ m + g + decay · p; p ← p − rate · m.</summary>
    /// <param name="parameter">float32; changed.</param>
    /// <param name="gradient">float32, of the parameter's shape.</param>
    /// <param name="momentumBuffer">float32, of the parameter's shape, zero before the first step; changed.</param>
    /// <param name="rate">The learning rate.</param>
    /// <param name="momentum">μ.</param>
    /// <param name="decay">Weight decay, added to the gradient.</param>
    /// <param name="gradientScale">Multiplies the gradient first.</param>
    /// <exception cref="ArgumentException">A shape, device or data type does not fit; nothing was changed.</exception>
    public static void SgdUpdate(
        Tensor parameter, Tensor gradient, Tensor momentumBuffer, double rate, double momentum = 0, double decay = 0, float gradientScale = 1f)
    {
        OptimizerUpdate.CheckNumber(rate, nameof(rate));
        OptimizerUpdate.CheckNumber(decay, nameof(decay));
        OptimizerUpdate.CheckKept(momentum, nameof(momentum));
        OptimizerUpdate.Run(SgdOperator.Definition, parameter, gradient, momentumBuffer, null, gradientScale, SgdOperator.Rule(rate, momentum, decay));
    }

    /// <summary>One Lion step in place (Chen et al. 2023): u = β₁ m + (1 − β₁) g; p ← (1 − rate · decay) p − rate · sign(u); m ← β₂ m + (1 − β₂) g.</summary>
    /// <param name="parameter">float32; changed.</param>
    /// <param name="gradient">float32, of the parameter's shape.</param>
    /// <param name="momentumBuffer">float32, of the parameter's shape, zero before the first step; changed.</param>
    /// <param name="rate">The learning rate.</param>
    /// <param name="beta1">β₁.</param>
    /// <param name="beta2">β₂.</param>
    /// <param name="decay">Decoupled weight decay.</param>
    /// <param name="gradientScale">Multiplies the gradient first.</param>
    /// <exception cref="ArgumentException">A shape, device or data type does not fit; nothing was changed.</exception>
    public static void LionUpdate(
        Tensor parameter,
        Tensor gradient,
        Tensor momentumBuffer,
        double rate,
        double beta1 = 0.9,
        double beta2 = 0.99,
        double decay = 0,
        float gradientScale = 1f)
    {
        OptimizerUpdate.CheckNumber(rate, nameof(rate));
        OptimizerUpdate.CheckNumber(decay, nameof(decay));
        OptimizerUpdate.CheckKept(beta1, nameof(beta1));
        OptimizerUpdate.CheckKept(beta2, nameof(beta2));
        OptimizerUpdate.Run(LionOperator.Definition, parameter, gradient, momentumBuffer, null, gradientScale, LionOperator.Rule(rate, beta1, beta2, decay));
    }
}

/// <summary>What a variant of an optimizer's step is given; all but the gradient are changed in place.</summary>
[Launches(typeof(OptimizerUpdateVectorized<>)), Launches(typeof(OptimizerUpdatePortable<>))]
internal readonly partial record struct OptimizerArguments<TRule>(
    Tensor Parameter, Tensor Gradient, Tensor First, Tensor? Second, float GradientScale, TRule Rule)
    where TRule : unmanaged, IUpdateRule<TRule>
{
    public long Count => Parameter.Shape.Count;

    public int ElementsPerBlock(ComputeDevice device) => VectorizedBlocks.ElementsPerBlock(device, Count);
}

/// <summary>Checking and launching an optimizer's step.</summary>
internal static class OptimizerUpdate
{
    public static void Run<TRule>(
        OperatorDefinition<OptimizerArguments<TRule>> definition,
        Tensor parameter,
        Tensor gradient,
        Tensor first,
        Tensor? second,
        float gradientScale,
        TRule rule)
        where TRule : unmanaged, IUpdateRule<TRule>
    {
        ArgumentNullException.ThrowIfNull(parameter);
        ComputeDevice device = parameter.Device;
        Arguments.Check(device, parameter, DType.Float32);
        Check(device, gradient, parameter.Shape, nameof(gradient));
        Check(device, first, parameter.Shape, nameof(first));
        if (TRule.Moments == 2)
            Check(device, second!, parameter.Shape, nameof(second));
        if (!float.IsFinite(gradientScale))
            throw Arguments.Wrong(nameof(gradientScale), $"is {gradientScale}; a step with it would destroy the parameters.");
        if (parameter.Shape.Count > 0)
            definition.Run(device, new OptimizerArguments<TRule>(parameter, gradient, first, second, gradientScale, rule));
        parameter.MarkWritten();
        first.MarkWritten();
        second?.MarkWritten();
    }

    /// <summary>Finite and not negative.</summary>
    public static void CheckNumber(double value, string name)
    {
        if (!(value >= 0 && double.IsFinite(value)))
            throw Arguments.Wrong(name, $"is {value}, but must be finite and not negative.");
    }

    /// <summary>In [0, 1).</summary>
    public static void CheckKept(double value, string name)
    {
        if (!(value is >= 0 and < 1))
            throw Arguments.Wrong(name, $"is {value}, but what is kept in a step lies in [0, 1).");
    }

    private static void Check(ComputeDevice device, Tensor tensor, Shape shape, string name)
    {
        Arguments.Check(device, tensor, DType.Float32, name);
        Arguments.CheckShape(tensor, shape, "the parameter", name);
    }
}

/// <summary>What all optimizers share in the catalogue: the two variants of the one kernel, specialised for <typeparamref name="TRule"/>.</summary>
internal static class OptimizerOperator<TRule>
    where TRule : unmanaged, IUpdateRule<TRule>
{
    public static OperatorDefinition<OptimizerArguments<TRule>> Define(string name, string formula) => new(
        name,
        formula,
        [
            new(
                "Vectorized", VariantKind.Vectorized, "SIMD, some thousand elements per block", OptimizerArguments<TRule>.LaunchOptimizerUpdateVectorized),
            new("Portable", VariantKind.Portable, "four elements per thread", OptimizerArguments<TRule>.LaunchOptimizerUpdatePortable),
        ]);
}
