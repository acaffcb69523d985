using GpuTransformer.Host;
using GpuTransformer.Kernels;

namespace GpuTransformer.Validation;

/// <summary>The validation sweep of the activations' gradients.</summary>
internal static class ActivationBackwardCases
{
    public static readonly OperatorSweep Sweep = OperatorSweep.Of(
        ActivationBackwardOperator.Definition,
        static seed => Enum.GetValues<Activation>().SelectMany(activation => ElementwiseCases.Sweep(
            seed,
            activation.ToString(),
            new ActivationBackwardOperation((int)activation),
            (dy, x) => dy * ActivationDerivativeReference.Apply((int)activation, x),
            (dy, x) => dy * ActivationDerivativeReference.Apply((int)activation, x),
            range: 6f,
            isGradient: true)));
}
