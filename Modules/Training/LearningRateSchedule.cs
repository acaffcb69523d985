namespace GpuTransformer.Modules;

/// <summary>How the learning rate falls after the warm-up.</summary>
public enum Decay
{
    /// <summary>It stays at its peak.</summary>
    Constant,

    /// <summary>Along a straight line to the final rate.</summary>
    Linear,

    /// <summary>Along half a cosine to the final rate (Loshchilov and Hutter 2017, without restarts).</summary>
    Cosine,
}

/// <summary>
/// The learning rate of a step: rising linearly from peak / (warm-up + 1) during the warm-up, then falling to the final rate at the last step. It depends on the step's
/// number alone, so a resumed run has the rates of an uninterrupted one.
/// </summary>
public sealed record LearningRateSchedule
{
    /// <summary>The highest rate.</summary>
    public required double Peak { get; init; }

    /// <summary>Steps until the peak is reached; 0 for none.</summary>
    public int WarmUpSteps { get; init; }

    /// <summary>The number of steps after which the rate is <see cref="Final"/>; needed unless <see cref="Decay"/> is constant.</summary>
    public int TotalSteps { get; init; }

    /// <summary>The rate at and after <see cref="TotalSteps"/>.</summary>
    public double Final { get; init; }

    /// <summary>How the rate falls.</summary>
    public Decay Decay { get; init; } = Decay.Cosine;

    /// <summary>The rate of step <paramref name="step"/>, the first being 0.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The step is negative.</exception>
    /// <exception cref="InvalidOperationException">The schedule's own numbers contradict each other.</exception>
    public double At(long step)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(step);
        Validate();
        if (step < WarmUpSteps)
            return Peak * (step + 1) / (WarmUpSteps + 1);
        if (Decay == Decay.Constant)
            return Peak;
        double progress = Math.Clamp((double)(step - WarmUpSteps) / Math.Max(1, TotalSteps - WarmUpSteps), 0, 1);
        double remaining = Decay == Decay.Linear ? 1 - progress : 0.5 * (1 + Math.Cos(Math.PI * progress));
        return Final + (Peak - Final) * remaining;
    }

    private void Validate()
    {
        if (!(Peak > 0) || !double.IsFinite(Peak) || !(Final >= 0) || Final > Peak)
            throw new InvalidOperationException($"The schedule needs a finite peak above zero and a final rate from 0 to the peak; it has peak {Peak} and final {Final}.");
        if (WarmUpSteps < 0 || (Decay != Decay.Constant && TotalSteps <= WarmUpSteps))
            throw new InvalidOperationException($"The schedule needs 0 ≤ warm-up steps < total steps; it has {WarmUpSteps} and {TotalSteps}.");
    }
}
