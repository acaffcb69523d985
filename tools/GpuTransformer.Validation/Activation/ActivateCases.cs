using GpuTransformer.Host;
using GpuTransformer.Kernels;

namespace GpuTransformer.Validation;

/// <summary>The validation sweep of the activations.</summary>
internal static class ActivateCases
{
    public static readonly OperatorSweep Sweep = OperatorSweep.Of(
        ActivateOperator.Definition,
        static seed => Enum.GetValues<Activation>().SelectMany(activation => ElementwiseCases.Sweep(
            seed,
            activation.ToString(),
            new ActivateOperation((int)activation),
            (x, _) => ActivationReference.Apply((int)activation, x),
            (x, _) => ActivationReference.Apply((int)activation, x),
            range: 6f)));
}
