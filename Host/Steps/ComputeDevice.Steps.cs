namespace GpuTransformer.Host;

/// <summary>What a user opens on the device; <see cref="ExecutionState"/> keeps it.</summary>
public sealed partial class ComputeDevice
{
    /// <summary>Whether operator calls are being recorded, so that what they read must stay alive until the tape is walked.</summary>
    public bool IsRecording => Execution.Recorder is not null;

    /// <summary>What dropout draws from in the innermost open training step; null in evaluation, where it does nothing.</summary>
    public RandomStreams? Training => Execution.Training;

    internal ExecutionState Execution { get; }

    /// <summary>Starts a step: tensors made until it is disposed belong to it. Recording and training stay as they are.</summary>
    /// <exception cref="DeviceInUseException">Another thread is using the device.</exception>
    public StepScope BeginStep() => Execution.Begin(StepParts.Memory);

    /// <summary>Starts a step that also says what is recorded and whether dropout acts: tensors made until it is disposed belong to it.</summary>
    /// <param name="record">
    /// True for a tape of its own, which <see cref="StepScope.Backward"/> walks; false for no recording; null, the default, leaves that as it is.
    /// </param>
    /// <param name="training">
    /// Which batch of which training step it is: dropout acts and draws by these numbers. <see cref="TrainingStep.None"/> switches dropout off; null, the
    /// default, leaves that as it is.
    /// </param>
    /// <exception cref="DeviceInUseException">Another thread is using the device.</exception>
    public StepScope BeginStep(bool? record = null, TrainingStep? training = null)
    {
        StepParts parts = StepParts.Memory;
        if (record is { } isRecorded)
            parts |= isRecorded ? StepParts.Tape : StepParts.NoTape;
        if (training is { } batch)
            parts |= batch.IsNone ? StepParts.NoTraining : StepParts.Training;
        return Execution.Begin(parts, training ?? default);
    }

    /// <summary>Starts recording, and nothing else: tensors belong to whom they did. Tapes nest; the innermost records.</summary>
    /// <exception cref="DeviceInUseException">Another thread is using the device.</exception>
    public StepScope BeginTape() => Execution.Begin(StepParts.Tape);

    /// <summary>Pauses recording until the result is disposed.</summary>
    /// <exception cref="DeviceInUseException">Another thread is using the device.</exception>
    public StepScope NoGradient() => Execution.Begin(StepParts.NoTape);

    /// <summary>Lets dropout act until the result is disposed.</summary>
    /// <param name="seed">The run's seed.</param>
    /// <param name="step">The number of the step, from 0 and below 2^32.</param>
    /// <param name="batch">The number of the batch within the step, below 4,096.</param>
    /// <exception cref="ArgumentOutOfRangeException">A number does not fit; nothing was opened.</exception>
    /// <exception cref="DeviceInUseException">Another thread is using the device.</exception>
    public StepScope BeginTraining(int seed, long step, int batch = 0) => Execution.Begin(StepParts.Training, new TrainingStep(seed, step, batch));

    /// <summary>Switches dropout off until the result is disposed: for a teacher or a measurement within a training step.</summary>
    /// <exception cref="DeviceInUseException">Another thread is using the device.</exception>
    public StepScope BeginEvaluation() => Execution.Begin(StepParts.NoTraining);

    /// <summary>
    /// Watches over a construction: persistent tensors made until the result is disposed are disposed with it, unless it was completed. So a constructor that
    /// throws midway leaves nothing on the device; what was there before is left alone. Constructions nest.
    /// <code>
    /// using StepScope construction = device.BeginConstruction();
    /// … // whatever may throw
    /// construction.Complete();
    /// </code>
    /// </summary>
    /// <exception cref="DeviceInUseException">Another thread is using the device.</exception>
    public StepScope BeginConstruction() => Execution.Begin(StepParts.Construction);

    /// <summary>Whether a call that reads these tensors is to be recorded.</summary>
    internal bool Records(Tensor a, Tensor? b = null, Tensor? c = null, Tensor? d = null, Tensor? e = null)
        => Execution.Recorder is not null
        && (a.IsTracked || GradientTape.Wants(b) || GradientTape.Wants(c) || GradientTape.Wants(d) || GradientTape.Wants(e));

    /// <summary>Records a call. <paramref name="backward"/> runs inside a step of its own, with recording paused.</summary>
    /// <param name="output">What the call returned.</param>
    /// <param name="backward">From the output's gradient to those of the inputs.</param>
    /// <param name="saved">
    /// The tensors whose numbers <paramref name="backward"/> reads: writing one of them before it ran would make a wrong gradient, and is then noticed.
    /// </param>
    internal void Record(Tensor output, Action<Tensor> backward, params ReadOnlySpan<Tensor?> saved)
    {
        using DeviceTurn turn = Enter();
        output.IsTracked = true;
        Execution.Recorder?.Add(output, backward, saved);
    }
}
