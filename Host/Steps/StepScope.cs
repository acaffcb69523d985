namespace GpuTransformer.Host;

/// <summary>
/// What is open on a device: memory for tensors, a tape or none, training or none, a construction. <see cref="ComputeDevice.BeginStep()"/> opens one for an
/// inference or training step:
/// <code>
/// using StepScope step = device.BeginStep(record: true, training: new(seed: 1, step: 17));
/// Tensor loss = …;                      // belongs to the step, is recorded, and dropout acts
/// step.Backward(loss);
/// </code>
/// <see cref="ComputeDevice.BeginTape"/>, <see cref="ComputeDevice.NoGradient"/>, <see cref="ComputeDevice.BeginTraining"/>,
/// <see cref="ComputeDevice.BeginEvaluation"/> and <see cref="ComputeDevice.BeginConstruction"/> open one thing alone. Steps nest: what one does not open is as
/// it was outside.
/// </summary>
/// <remarks>
/// They close in any order: closing one closes what was opened since and forgotten, the innermost first, and what was open before is in force again. Closing
/// throws nothing, so the exception on which a <c>using</c> block is left is the user's own. A step that nobody closes and nobody has any more stays in force,
/// but what it owns is then its holders': the garbage collector takes those of its tensors that nobody has, when the pool next asks for it.
/// </remarks>
public sealed class StepScope : IDisposable, IDeviceDuty
{
    private readonly StepLevel _level;
    private readonly long _number;

    internal StepScope(StepLevel level)
    {
        _level = level;
        _number = level.Number;
        level.HeldBy(this);
    }

    /// <summary>Whether it is open: neither it nor one around it was closed.</summary>
    public bool IsOpen => _level.Number == _number;

    /// <summary>Whether it owns the tensors that are made while no other step that does is open inside it.</summary>
    public bool OwnsTensors => IsOpen && _level.OwnsTensors;

    /// <summary>Whether operator calls are recorded in it, on its own tape or on one outside. A tape that was walked records no more.</summary>
    public bool IsRecording => IsOpen && _level.Recorder is { IsWalked: false };

    /// <summary>
    /// How many operator calls its own tape has recorded, those that <see cref="Backward"/> has walked included; 0 without a tape or after closing.
    /// </summary>
    public int RecordedCalls => IsOpen ? _level.Tape?.Count ?? 0 : 0;

    /// <summary>What dropout draws from in it, opened by it or outside; null in evaluation, where dropout does nothing, and after closing.</summary>
    public RandomStreams? Training => IsOpen ? _level.Training : null;

    private ExecutionState State => _level.State;

    /// <summary>
    /// Hands <paramref name="tensor"/> to the enclosing step that owns tensors or, if there is none, to the caller, who then disposes it. A tensor of another
    /// owner is left alone.
    /// </summary>
    /// <returns><paramref name="tensor"/>.</returns>
    /// <exception cref="ObjectDisposedException">The step has closed, and its tensors are gone.</exception>
    /// <exception cref="DeviceInUseException">Another thread is using the device.</exception>
    public Tensor Keep(Tensor tensor)
    {
        ArgumentNullException.ThrowIfNull(tensor);
        using DeviceTurn turn = Enter();
        if (tensor.Scope == _number && !tensor.IsDisposed)
            State.HandOver(tensor, _level.Outer?.Memory);
        return tensor;
    }

    /// <summary>
    /// Computes the gradient of <paramref name="loss"/> for every tensor that <see cref="Tensor.RequiresGradient"/> and led to it, and adds it to
    /// <see cref="Tensor.Gradient"/>. The tape is used up by this: the step goes on, but records no more.
    /// </summary>
    /// <param name="loss">A tensor computed while this step recorded; a single number unless <paramref name="outputGradient"/> is given.</param>
    /// <param name="outputGradient">dL/dloss, of the loss's shape; one if null.</param>
    /// <exception cref="InvalidOperationException">
    /// The step has no tape of its own or it was walked before, nothing that requires a gradient led to the loss, or a tensor was written
    /// (<see cref="Tensor.Write(ReadOnlySpan{float})"/>, an optimizer's step) after the forward pass had read it and before this needed it.
    /// </exception>
    /// <exception cref="ArgumentException">The loss is no single number, or <paramref name="outputGradient"/> is of another shape.</exception>
    /// <exception cref="ObjectDisposedException">The step has closed, and what it recorded is gone.</exception>
    /// <exception cref="DeviceInUseException">Another thread is using the device.</exception>
    public void Backward(Tensor loss, Tensor? outputGradient = null)
    {
        ArgumentNullException.ThrowIfNull(loss);

        // One operation: nobody comes between.
        using DeviceTurn turn = Enter();
        GradientTape tape = _level.Tape
            ?? throw new InvalidOperationException("This step has no tape of its own; open it with BeginStep(record: true) or BeginTape().");
        tape.Backward(State, loss, outputGradient);
    }

    /// <summary>The next stream of <see cref="Training"/>, for what draws by seed and stream.</summary>
    /// <exception cref="InvalidOperationException">It is no training step, nor within one.</exception>
    /// <exception cref="ObjectDisposedException">The step has closed.</exception>
    /// <exception cref="DeviceInUseException">Another thread is using the device.</exception>
    public (ulong Seed, ulong Stream) NextStream()
    {
        using DeviceTurn turn = Enter();
        return Streams().NextStream();
    }

    /// <summary>The next number in [0, 1) of <see cref="Training"/>, for a decision that the host takes.</summary>
    /// <exception cref="InvalidOperationException">It is no training step, nor within one.</exception>
    /// <exception cref="ObjectDisposedException">The step has closed.</exception>
    /// <exception cref="DeviceInUseException">Another thread is using the device.</exception>
    public float NextUniform()
    {
        using DeviceTurn turn = Enter();
        return Streams().NextUniform();
    }

    /// <summary>
    /// Says that what was made since <see cref="ComputeDevice.BeginConstruction"/> is whole: once this closes it belongs to its maker, or to an enclosing
    /// construction that is not complete yet.
    /// </summary>
    /// <exception cref="InvalidOperationException">It was not opened by <see cref="ComputeDevice.BeginConstruction"/>.</exception>
    /// <exception cref="ObjectDisposedException">It has closed, and what was made is gone.</exception>
    /// <exception cref="DeviceInUseException">Another thread is using the device.</exception>
    public void Complete()
    {
        using DeviceTurn turn = Enter();
        if (!_level.Opens(StepParts.Construction))
            throw new InvalidOperationException($"Only what {nameof(ComputeDevice.BeginConstruction)} opened can be completed.");
        _level.IsComplete = true;
    }

    /// <summary>
    /// Closes it: its tensors go back to the device's pool, its tape forgets what it recorded, a construction that is not complete is undone. Steps that were
    /// opened inside it and forgotten close with it; doing so twice is harmless. Throws nothing, so that it never hides the exception on which a <c>using</c>
    /// block is left. Any thread may call it at any time.
    /// </summary>
    public void Dispose()
    {
        if (!IsOpen)
            return;
        State.Device.Turns.Perform(this);
        State.Device.Turns.ForgetClosed();
    }

    void IDeviceDuty.Perform() => State.Close(_level, _number);

    /// <summary>Whether it owns <paramref name="tensor"/>.</summary>
    internal bool Owns(Tensor tensor) => tensor.Scope == _number;

    /// <summary>What its tape has recorded reads of and does not belong to it.</summary>
    internal List<SavedTensor> ReadFromOutside() => _level.Tape!.SavedOutside(_number);

    /// <summary>Begins an operation. Who has the step in hand may use the device: only those to whom it was given can have it.</summary>
    private DeviceTurn Enter()
    {
        ObjectDisposedException.ThrowIf(!IsOpen, this);
        DeviceTurn turn = State.Device.Turns.Enter(_level.Frame);
        if (IsOpen)
            return turn;

        // Another thread closed it meanwhile.
        turn.Dispose();
        throw new ObjectDisposedException(nameof(StepScope));
    }

    private RandomStreams Streams() => _level.Training
        ?? throw new InvalidOperationException("Nothing is drawn in this step; open it with BeginStep(training: …) or BeginTraining(…).");
}
