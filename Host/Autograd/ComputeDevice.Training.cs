namespace GpuTransformer.Host;

public sealed partial class ComputeDevice
{
    // Training scopes and pauses, the innermost last.
    private readonly List<IDeviceDuty> _training = [];

    /// <summary>The innermost open training scope, in which dropout acts; null in evaluation.</summary>
    public TrainingScope? Training { get; private set; }

    /// <summary>Lets dropout act until the result is disposed.</summary>
    /// <param name="seed">The run's seed.</param>
    /// <param name="step">The number of the step, from 0 and below 2^32.</param>
    /// <param name="batch">The number of the batch within the step, below 4,096.</param>
    /// <exception cref="DeviceInUseException">Another thread is using the device.</exception>
    public TrainingScope BeginTraining(int seed, long step, int batch = 0)
    {
        TrainingScope.Check(step, batch);
        using DeviceTurn turn = Enter();
        return Begin(new TrainingScope(this, Turns.Open(), seed, step, batch));
    }

    /// <summary>Switches dropout off until the result is disposed.</summary>
    /// <exception cref="DeviceInUseException">Another thread is using the device.</exception>
    public EvaluationScope BeginEvaluation()
    {
        using DeviceTurn turn = Enter();
        var pause = new EvaluationPause(this, Turns.Open());
        _training.Add(pause);
        Training = null;
        return new EvaluationScope(pause);
    }

    /// <summary>Part of a duty: closes a training scope or ends a pause, and with it what was opened since and forgotten.</summary>
    internal void CloseTraining(IDeviceDuty level)
    {
        int first = _training.LastIndexOf(level);
        if (first < 0)
            return;
        for (int i = _training.Count - 1; i >= first; i--)
        {
            if (_training[i] is TrainingScope scope)
                scope.Release();
            else
                Turns.Close(((EvaluationPause)_training[i]).Frame);
            _training.RemoveAt(i);
        }

        Training = first > 0 ? _training[first - 1] as TrainingScope : null;
    }

    private TrainingScope Begin(TrainingScope scope)
    {
        _training.Add(scope);
        return Training = scope;
    }
}
