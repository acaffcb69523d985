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
/// The learning rate of a step: rising linearly from peak / (warm-up + 1) during the warm-up, then falling to the final rate at the last step. It depends on
/// the step's number alone, so a resumed run has the rates of an uninterrupted one.
/// </summary>
public sealed record LearningRateSchedule : ILearningRateSchedule
{
    /// <summary>The highest rate; finite and above zero.</summary>
    public required double Peak { get; init => field = OptionChecks.PositiveNumber(value); }

    /// <summary>Steps until the peak is reached; 0 for none.</summary>
    public int WarmUpSteps { get; init => field = OptionChecks.Count(value); }

    /// <summary>The number of steps after which the rate is <see cref="Final"/>; needed unless <see cref="Decay"/> is constant.</summary>
    public int TotalSteps { get; init => field = OptionChecks.Count(value); }

    /// <summary>
    /// The rate at and after <see cref="TotalSteps"/>, from 0 to the peak. With 0, the default, the schedule is then over: a <see cref="Trainer"/> takes no
    /// further step.
    /// </summary>
    public double Final { get; init => field = OptionChecks.NotNegativeNumber(value); }

    /// <summary>How the rate falls.</summary>
    public Decay Decay { get; init => field = OptionChecks.Defined(value); } = Decay.Cosine;

    /// <summary>The rate of step <paramref name="step"/>, the first being 0.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The step is negative.</exception>
    /// <exception cref="InvalidOperationException">The schedule's own numbers contradict each other.</exception>
    public double At(long step)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(step);
        if (Contradiction() is { } contradiction)
            throw new InvalidOperationException(contradiction);
        if (step < WarmUpSteps)
            return Peak * (step + 1) / (WarmUpSteps + 1);
        if (Decay == Decay.Constant)
            return Peak;
        double progress = Math.Clamp((double)(step - WarmUpSteps) / Math.Max(1, TotalSteps - WarmUpSteps), 0, 1);
        double remaining = Decay == Decay.Linear ? 1 - progress : 0.5 * (1 + Math.Cos(Math.PI * progress));
        return Final + (Peak - Final) * remaining;
    }

    /// <summary>
    /// Whether nothing is learnt from step <paramref name="step"/> on, the rate being zero: after <see cref="TotalSteps"/> of a schedule that falls to zero.
    /// </summary>
    public bool IsOver(long step) => Decay != Decay.Constant && Final == 0 && step >= TotalSteps;

    /// <summary>What is wrong between the schedule's numbers; null for nothing.</summary>
    internal string? Contradiction()
    {
        if (Final > Peak)
            return $"The schedule needs a final rate from 0 to the peak; it has Peak = {Peak} and Final = {Final}.";
        return Decay != Decay.Constant && TotalSteps <= WarmUpSteps
            ? $"The schedule needs more steps than those of the warm-up; it has WarmUpSteps = {WarmUpSteps} and TotalSteps = {TotalSteps}. With Decay = "
                + "Constant there is no end."
            : null;
    }
}
