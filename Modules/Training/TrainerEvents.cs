namespace GpuTransformer.Modules;

/// <summary>What <see cref="Trainer.BeforeStep"/> tells.</summary>
/// <param name="step">The step's number.</param>
/// <param name="rate">Its learning rate.</param>
public sealed class StepStartingEventArgs(long step, double rate) : EventArgs
{
    /// <summary>The number of the step that is about to be taken, from 0.</summary>
    public long Step { get; } = step;

    /// <summary>Its learning rate.</summary>
    public double Rate { get; } = rate;
}

/// <summary>What <see cref="Trainer.AfterStep"/> tells.</summary>
/// <param name="result">The step.</param>
public sealed class StepTakenEventArgs(StepResult result) : EventArgs
{
    /// <summary>The step's number, loss, gradient norm, learning rate and metrics: what <see cref="Trainer.Step(Func{Host.Tensor})"/> returns.</summary>
    public StepResult Result { get; } = result;
}
