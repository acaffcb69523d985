namespace GpuTransformer.Host;

public sealed partial class ComputeDevice
{
    /// <summary>The innermost open training scope, in which dropout acts; null in evaluation.</summary>
    public TrainingScope? Training { get; private set; }

    /// <summary>Lets dropout act until the result is disposed.</summary>
    /// <param name="seed">The run's seed.</param>
    /// <param name="step">The number of the step, from 0 and below 2^32.</param>
    /// <param name="batch">The number of the batch within the step, below 4,096.</param>
    public TrainingScope BeginTraining(int seed, long step, int batch = 0)
    {
        ThrowIfDisposed();
        return Training = new TrainingScope(this, Training, seed, step, batch);
    }

    /// <summary>Switches dropout off until the result is disposed.</summary>
    public EvaluationScope BeginEvaluation()
    {
        var scope = new EvaluationScope(this, Training);
        Training = null;
        return scope;
    }

    internal void CloseTraining(TrainingScope scope, TrainingScope? outer)
    {
        if (!ReferenceEquals(Training, scope))
            throw new InvalidOperationException("Training scopes close in the reverse order of their opening; an inner one, or an evaluation scope, is still open.");
        Training = outer;
    }

    internal void ResumeTraining(TrainingScope? scope) => Training = scope;
}
