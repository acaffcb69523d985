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
public sealed class GradientTape : IDisposable
{
    private readonly ComputeDevice _device;
    private readonly GradientTape? _outer;
    private readonly List<TapeRecord> _records;
    private bool _walked;
    private bool _disposed;

    internal GradientTape(ComputeDevice device, GradientTape? outer, List<TapeRecord> storage)
    {
        _device = device;
        _outer = outer;
        _records = storage;
    }

    /// <summary>How many operator calls are recorded.</summary>
    public int Count => _records.Count;

    /// <summary>
    /// Computes the gradient of <paramref name="loss"/> for every tensor that <see cref="Tensor.RequiresGradient"/> and led to it, and adds it to
    /// <see cref="Tensor.Gradient"/>. The tape is used up by this.
    /// </summary>
    /// <param name="loss">A tensor computed while this tape was open; a single number unless <paramref name="outputGradient"/> is given.</param>
    /// <param name="outputGradient">dL/dloss, of the loss's shape; one if null.</param>
    /// <exception cref="InvalidOperationException">The tape was walked before, or nothing that requires a gradient led to the loss.</exception>
    public void Backward(Tensor loss, Tensor? outputGradient = null)
    {
        ArgumentNullException.ThrowIfNull(loss);
        ObjectDisposedException.ThrowIf(_disposed, this);
        if (_walked)
            throw new InvalidOperationException("This tape was walked already; record the next step on a new one.");
        if (!loss.IsTracked)
            throw new InvalidOperationException($"Nothing that requires a gradient led to the tensor {loss.Shape} while this tape was open.");
        if (outputGradient is null && loss.Shape.Count != 1)
            throw new ArgumentException($"The loss has shape {loss.Shape}; reduce it to one number or give outputGradient of that shape.", nameof(loss));
        if (outputGradient is not null && outputGradient.Shape != loss.Shape)
            throw new ArgumentException($"outputGradient has shape {outputGradient.Shape}, the loss {loss.Shape}.", nameof(outputGradient));

        _walked = true;
        using NoGradientScope pause = _device.NoGradient();
        using (StepScope scope = _device.BeginStep())
        {
            Tensor seed = outputGradient ?? Tensor.From(_device, loss.Shape, [1f], loss.DType);
            Accumulate(loss, seed);
        }

        for (int i = _records.Count - 1; i >= 0; i--)
        {
            TapeRecord record = _records[i];
            if (record.Output.Gradient is not { } gradient)
                continue;

            // Whatever the backward operator leaves behind dies here; gradients that are still needed are shared handles outside the scope.
            using (StepScope scope = _device.BeginStep())
                record.Backward(gradient);
            if (!record.Output.RequiresGradient)
                record.Output.DropGradient();
        }
    }

    /// <summary>Stops recording and forgets the records.</summary>
    public void Dispose()
    {
        if (_disposed)
            return;
        _device.CloseTape(this, _outer);
        _disposed = true;
        foreach (TapeRecord record in _records)
            record.Output.IsTracked = false;
        _records.Clear();
        _device.RecycleTapeStorage(_records);
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

    internal void Add(TapeRecord record) => _records.Add(record);
}

/// <summary>One operator call: its output, and how the output's gradient becomes its inputs'.</summary>
/// <param name="Output">What the call returned.</param>
/// <param name="Backward">Given the output's gradient, calls the backward operator and accumulates into the inputs.</param>
internal readonly record struct TapeRecord(Tensor Output, Action<Tensor> Backward);

/// <summary>While open, nothing on the device is recorded.</summary>
public readonly struct NoGradientScope : IDisposable, IEquatable<NoGradientScope>
{
    private readonly ComputeDevice _device;
    private readonly GradientTape? _paused;

    internal NoGradientScope(ComputeDevice device, GradientTape? paused)
    {
        _device = device;
        _paused = paused;
    }

    /// <summary>Same device and same paused tape.</summary>
    public static bool operator ==(NoGradientScope left, NoGradientScope right) => left.Equals(right);

    /// <summary>Another device or paused tape.</summary>
    public static bool operator !=(NoGradientScope left, NoGradientScope right) => !left.Equals(right);

    /// <summary>Recording goes on.</summary>
    public void Dispose() => _device?.ResumeTape(_paused);

    /// <inheritdoc/>
    public bool Equals(NoGradientScope other) => ReferenceEquals(_device, other._device) && ReferenceEquals(_paused, other._paused);

    /// <inheritdoc/>
    public override bool Equals(object? obj) => obj is NoGradientScope other && Equals(other);

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(_device, _paused);
}
