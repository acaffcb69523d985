using GpuTransformer.Kernels;

namespace GpuTransformer.Host;

/// <summary>
/// Which batch of which training step it is. Random draws are numbered by it, so that they are the same on every device, are drawn again where they are needed
/// again, and a resumed run continues as if it had never stopped.
/// </summary>
public readonly record struct TrainingStep
{
    // A stream is step, batch and draw side by side in 64 bits, so that no two are alike.
    internal const int StepBits = 32, BatchBits = 12, DrawBits = 20;

    private readonly bool _isGiven;

    /// <summary>Names a batch.</summary>
    /// <param name="seed">The run's seed.</param>
    /// <param name="step">The number of the step, from 0 and below 2^32.</param>
    /// <param name="batch">The number of the batch within the step, where gradients are accumulated; below 4,096.</param>
    /// <exception cref="ArgumentOutOfRangeException">A number does not fit.</exception>
    public TrainingStep(int seed, long step, int batch = 0)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(step);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(step, 1L << StepBits);
        ArgumentOutOfRangeException.ThrowIfNegative(batch);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(batch, 1 << BatchBits);
        (Seed, Step, Batch, _isGiven) = (seed, step, batch, true);
    }

    /// <summary>No training: evaluation, where dropout does nothing.</summary>
    public static TrainingStep None => default;

    /// <summary>Whether it is <see cref="None"/>.</summary>
    public bool IsNone => !_isGiven;

    /// <summary>The run's seed.</summary>
    public int Seed { get; }

    /// <summary>The number of the step.</summary>
    public long Step { get; }

    /// <summary>The number of the batch within the step.</summary>
    public int Batch { get; }
}

/// <summary>
/// What an open training step draws random numbers from. Every place that draws takes the next stream, in the order of the calls, so what is drawn depends on
/// seed, step, batch and that order alone.
/// </summary>
public sealed class RandomStreams
{
    private readonly DeviceTurns _turns;
    private readonly OpenFrame? _frame;

    internal RandomStreams(DeviceTurns turns, OpenFrame? frame, TrainingStep of) => (_turns, _frame, Of) = (turns, frame, of);

    /// <summary>The run's seed.</summary>
    public int Seed => Of.Seed;

    /// <summary>The number of the step.</summary>
    public long Step => Of.Step;

    /// <summary>The number of the batch within the step.</summary>
    public int Batch => Of.Batch;

    internal TrainingStep Of { get; }

    /// <summary>How many streams have been drawn from so far.</summary>
    internal int Draws { get; set; }

    /// <summary>
    /// The next stream, for what draws by seed and stream: <see cref="Operators.Dropout(Tensor, float, ulong, ulong)"/>,
    /// <see cref="ScoreOptions.DropoutStream"/>.
    /// </summary>
    /// <exception cref="InvalidOperationException">More than 1,048,576 were drawn in one batch.</exception>
    /// <exception cref="DeviceInUseException">Another thread is using the device.</exception>
    public (ulong Seed, ulong Stream) NextStream()
    {
        using DeviceTurn turn = _turns.Enter(_frame);
        if (Draws == 1 << TrainingStep.DrawBits)
            throw new InvalidOperationException($"More than {1 << TrainingStep.DrawBits} random draws in one batch.");
        ulong batch = ((ulong)Step << TrainingStep.BatchBits) | (uint)Batch;
        return (unchecked((ulong)Seed), (batch << TrainingStep.DrawBits) | (uint)Draws++);
    }

    /// <summary>A number in [0, 1) for a decision that the host takes, drawn like a dropout mask.</summary>
    /// <exception cref="InvalidOperationException">As for <see cref="NextStream"/>.</exception>
    /// <exception cref="DeviceInUseException">Another thread is using the device.</exception>
    public float NextUniform()
    {
        (ulong seed, ulong stream) = NextStream();
        return (Philox.Draw(new PhiloxWords(0, 0, (uint)stream, (uint)(stream >> 32)), (uint)seed, (uint)(seed >> 32)).X >> 8) * (1f / (1 << 24));
    }
}
