using GpuTransformer.Kernels;

namespace GpuTransformer.Host;

/// <summary>
/// One batch of one training step: while it is open, dropout acts. Every place that draws random numbers takes the next stream, in the order of the calls, so what is drawn depends on
/// seed, step, batch and that order alone: it is the same on every device, it is drawn again where it is needed again, and a resumed run continues as if it had never stopped.
/// </summary>
public sealed class TrainingScope : IDisposable, IDeviceDuty
{
    // A stream is step, batch and draw side by side in 64 bits, so that no two are alike.
    private const int StepBits = 32, BatchBits = 12, DrawBits = 20;

    private readonly ComputeDevice _device;
    private readonly OpenFrame? _frame;
    private bool _disposed;

    internal TrainingScope(ComputeDevice device, OpenFrame? frame, int seed, long step, int batch)
        => (_device, _frame, Seed, Step, Batch) = (device, frame, seed, step, batch);

    /// <summary>The run's seed.</summary>
    public int Seed { get; }

    /// <summary>The number of the step.</summary>
    public long Step { get; }

    /// <summary>The number of the batch within the step, where gradients are accumulated.</summary>
    public int Batch { get; }

    /// <summary>How many streams have been drawn from so far.</summary>
    internal int Draws { get; set; }

    /// <summary>A number in [0, 1) for a decision that the host takes, drawn like a dropout mask: it depends on seed, step, batch and the order of the draws.</summary>
    public float NextUniform()
    {
        (ulong seed, ulong stream) = NextStream();
        return (Philox.Draw(new PhiloxWords(0, 0, (uint)stream, (uint)(stream >> 32)), (uint)seed, (uint)(seed >> 32)).X >> 8) * (1f / (1 << 24));
    }

    /// <summary>Dropout acts as before this was opened. Scopes that were opened inside it and forgotten close with it. Throws nothing.</summary>
    public void Dispose()
    {
        if (_disposed)
            return;
        _device.Turns.Perform(this);
        _device.Turns.ForgetClosed();
    }

    void IDeviceDuty.Perform() => _device.CloseTraining(this);

    /// <summary>Throws where the numbers do not fit a stream.</summary>
    internal static void Check(long step, int batch)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(step);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(step, 1L << StepBits);
        ArgumentOutOfRangeException.ThrowIfNegative(batch);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(batch, 1 << BatchBits);
    }

    /// <summary>Part of a duty.</summary>
    internal void Release()
    {
        _disposed = true;
        _device.Turns.Close(_frame);
    }

    /// <summary>The same scope as it was after <paramref name="draws"/> draws, open or not.</summary>
    internal TrainingScope Again(int draws) => new(_device, null, Seed, Step, Batch) { Draws = draws };

    /// <summary>The next stream, for what draws by seed and stream: <see cref="Operators.Dropout(Tensor, float, ulong, ulong)"/>, <see cref="ScoreOptions.DropoutStream"/>.</summary>
    public (ulong Seed, ulong Stream) NextStream()
    {
        using DeviceTurn turn = _device.Turns.Enter(_frame);
        if (Draws == 1 << DrawBits)
            throw new InvalidOperationException($"More than {1 << DrawBits} random draws in one batch.");
        return (unchecked((ulong)Seed), ((ulong)Step << (BatchBits + DrawBits)) | ((ulong)Batch << DrawBits) | (uint)Draws++);
    }
}

/// <summary>While open, dropout does nothing, whatever training scope is open: for a teacher or a measurement within a training step.</summary>
public readonly record struct EvaluationScope : IDisposable
{
    private readonly EvaluationPause? _pause;

    internal EvaluationScope(EvaluationPause pause) => _pause = pause;

    /// <summary>Dropout acts as before this was opened. Training scopes that were opened since and forgotten close. Throws nothing.</summary>
    public void Dispose() => _pause?.Dispose();
}
