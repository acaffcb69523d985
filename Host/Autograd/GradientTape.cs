namespace GpuTransformer.Host;

/// <summary>
/// Records the operators that are called on a device while it is open, and walks them backwards once. Open one per training step, inside the step's scope:
/// <code>
/// using StepScope step = device.BeginStep();
/// using GradientTape tape = device.BeginTape();
/// Tensor loss = …;
/// tape.Backward(loss);
/// </code>
/// An operator is recorded only if one of its inputs leads back to a tensor that <see cref="Tensor.RequiresGradient"/>.
/// </summary>
public sealed class GradientTape : IDisposable, IDeviceDuty
{
    private readonly ComputeDevice _device;
    private readonly OpenFrame? _frame;
    private readonly TapeStorage _storage;
    private int _count;
    private bool _disposed;

    internal GradientTape(ComputeDevice device, TapeStorage storage, OpenFrame? frame)
    {
        _device = device;
        _storage = storage;
        _frame = frame;
    }

    /// <summary>How many operator calls are recorded.</summary>
    public int Count => IsWalked ? _count : _storage.Records.Count;

    /// <summary>Whether it is used up: it records no more.</summary>
    internal bool IsWalked { get; private set; }

    /// <summary>
    /// Computes the gradient of <paramref name="loss"/> for every tensor that <see cref="Tensor.RequiresGradient"/> and led to it, and adds it to
    /// <see cref="Tensor.Gradient"/>. The tape is used up by this.
    /// </summary>
    /// <param name="loss">A tensor computed while this tape was open; a single number unless <paramref name="outputGradient"/> is given.</param>
    /// <param name="outputGradient">dL/dloss, of the loss's shape; one if null.</param>
    /// <exception cref="InvalidOperationException">
    /// The tape was walked before, nothing that requires a gradient led to the loss, or a tensor was written (<see cref="Tensor.Write(ReadOnlySpan{float})"/>, an optimizer's step) after the
    /// forward pass had read it and before this needed it.
    /// </exception>
    /// <exception cref="DeviceInUseException">Another thread is using the device.</exception>
    public void Backward(Tensor loss, Tensor? outputGradient = null)
    {
        ArgumentNullException.ThrowIfNull(loss);
        ObjectDisposedException.ThrowIf(_disposed, this);
        if (IsWalked)
            throw new InvalidOperationException("This tape was walked already; record the next step on a new one.");
        if (!loss.IsTracked)
            throw new InvalidOperationException($"Nothing that requires a gradient led to the tensor {loss.Shape} while this tape was open.");
        if (outputGradient is null && loss.Shape.Count != 1)
            throw new ArgumentException($"The loss has shape {loss.Shape}; reduce it to one number or give outputGradient of that shape.", nameof(loss));
        if (outputGradient is not null && outputGradient.Shape != loss.Shape)
            throw new ArgumentException($"outputGradient has shape {outputGradient.Shape}, the loss {loss.Shape}.", nameof(outputGradient));

        // One operation: nobody comes between.
        using DeviceTurn turn = _device.Turns.Enter(_frame);
        IsWalked = true;
        _count = _storage.Records.Count;
        using NoGradientScope pause = _device.PauseToWalk();
        try
        {
            Walk(loss, outputGradient);
        }
        finally
        {
            // A tape that nobody disposes holds nothing from here on.
            Forget();
        }
    }

    private void Walk(Tensor loss, Tensor? outputGradient)
    {

        // Whatever a backward operator leaves behind dies here; gradients that are still needed are shared handles outside the scope.
        using StepScope scope = _device.BeginStep();
        Tensor seed = outputGradient ?? Tensor.From(_device, loss.Shape, [1f], loss.DType);
        Accumulate(loss, seed);
        scope.Dispose();
        int end = _storage.Saved.Count;
        for (int i = _storage.Records.Count - 1; i >= 0; i--)
        {
            TapeRecord record = _storage.Records[i];
            int recordEnd = end;
            end = record.FirstSaved;
            if (record.Output.Gradient is not { } gradient)
                continue;
            for (int saved = record.FirstSaved; saved < recordEnd; saved++)
                _storage.Saved[saved].Check();
            _device.Reopen(scope);
            record.Backward(gradient);
            scope.Dispose();
            if (!record.Output.RequiresGradient)
                record.Output.DropGradient();
        }
    }

    /// <summary>Stops recording and forgets the records. Tapes and pauses that were opened inside it and forgotten close with it. Throws nothing.</summary>
    public void Dispose()
    {
        if (_disposed)
            return;
        _device.Turns.Perform(this);
        _device.Turns.ForgetClosed();
    }

    void IDeviceDuty.Perform() => _device.CloseRecording(this);

    /// <summary>Part of a duty; returns the storage, to be used again.</summary>
    internal TapeStorage Release()
    {
        _disposed = true;
        Forget();
        _device.Turns.Close(_frame);
        return _storage;
    }

    /// <summary>
    /// Whether a backward operator should compute the gradient for <paramref name="tensor"/>.
    /// </summary>
    internal static bool Wants(Tensor? tensor) => tensor is { IsTracked: true };

    /// <summary>Adds <paramref name="gradient"/> to what has reached <paramref name="target"/> so far; nothing where no gradient is wanted.</summary>
    internal static void Accumulate(Tensor target, Tensor gradient)
    {
        if (!target.IsTracked)
            return;
        if (gradient.Shape != target.Shape)
            gradient = gradient.Reshape(target.Shape);
        if (target.RequiresGradient)
        {
            // A leaf's gradient outlives the step, so it has memory of its own.
            Tensor sum = target.GradientTarget(out bool accumulate);
            if (accumulate)
                Operators.AddInto(sum, gradient);
            else
                Operators.CopyInto(sum, gradient);
        }
        else if (target.Gradient is { } before)
        {
            Tensor sum = Operators.Add(before, gradient);
            target.DropGradient();
            target.ShareGradient(sum);
        }
        else
        {
            target.ShareGradient(gradient);
        }
    }

    private void Forget()
    {
        foreach (TapeRecord record in _storage.Records)
            record.Output.IsTracked = false;
        _storage.Clear();
    }

    internal void Add(Tensor output, Action<Tensor> backward, ReadOnlySpan<Tensor?> saved)
    {
        _storage.Records.Add(new TapeRecord(output, backward, _storage.Saved.Count));
        foreach (Tensor? tensor in saved)
        {
            if (tensor is not null)
                _storage.Saved.Add(new SavedTensor(tensor, tensor.Version));
        }
    }

    /// <summary>Lets the last record, which computes all of <paramref name="again"/> anew, answer for what that read from outside its own scope.</summary>
    internal void AnswerFor(List<SavedTensor> again) => _storage.Saved.AddRange(again);

    /// <summary>What the records read that does not belong to <paramref name="scope"/>.</summary>
    internal List<SavedTensor> SavedOutside(StepScope scope) => _storage.Saved.FindAll(saved => !saved.Tensor.IsDisposed && !ReferenceEquals(saved.Tensor.Scope, scope));
}

/// <summary>While open, nothing on the device is recorded.</summary>
public readonly struct NoGradientScope : IDisposable, IEquatable<NoGradientScope>
{
    private readonly RecordingPause? _pause;

    internal NoGradientScope(RecordingPause pause) => _pause = pause;

    /// <summary>The same pause.</summary>
    public static bool operator ==(NoGradientScope left, NoGradientScope right) => left.Equals(right);

    /// <summary>Another pause.</summary>
    public static bool operator !=(NoGradientScope left, NoGradientScope right) => !left.Equals(right);

    /// <summary>Recording goes on. Tapes that were opened since and forgotten close. Throws nothing.</summary>
    public void Dispose() => _pause?.Dispose();

    /// <inheritdoc/>
    public bool Equals(NoGradientScope other) => ReferenceEquals(_pause, other._pause);

    /// <inheritdoc/>
    public override bool Equals(object? obj) => obj is NoGradientScope other && Equals(other);

    /// <inheritdoc/>
    public override int GetHashCode() => _pause is null ? 0 : System.Runtime.CompilerServices.RuntimeHelpers.GetHashCode(_pause);
}
