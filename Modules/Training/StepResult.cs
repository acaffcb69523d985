using System.Collections.ObjectModel;
using GpuTransformer.Host;

namespace GpuTransformer.Modules;

/// <summary>What one training step came to.</summary>
/// <param name="Step">Its number, from 0.</param>
/// <param name="Loss">The mean loss over the accumulated batches, unscaled.</param>
/// <param name="GradientNorm">The global norm before clipping; not finite where the step was skipped for it.</param>
/// <param name="Rate">The learning rate.</param>
/// <param name="Skipped">Whether the loss or a gradient was not finite, so that the parameters were left alone.</param>
/// <param name="LossScale">What the loss was multiplied with; it halves after a step that was skipped.</param>
/// <param name="Duration">How long it took.</param>
/// <param name="ManagedBytes">
/// What was allocated on the managed heap meanwhile, by the thread that called: tensors' handles, records of the tape and the loss function's own.
/// </param>
public readonly record struct StepResult(
    long Step, double Loss, double GradientNorm, double Rate, bool Skipped, double LossScale, TimeSpan Duration, long ManagedBytes)
{
    /// <summary>What the loss function gave to <see cref="Trainer.Measure(string, Tensor)"/>, by name; empty where it gave nothing.</summary>
    public IReadOnlyDictionary<string, double> Metrics { get; init; } = ReadOnlyDictionary<string, double>.Empty;
}
