namespace GpuTransformer.Modules;

/// <summary>
/// The learning rate of each step, as a <see cref="Trainer"/> asks for it. <see cref="LearningRateSchedule"/> has the usual ones; one of one's own depends on
/// the step's number alone, so that a resumed run has the rates of an uninterrupted one.
/// </summary>
/// <example>
/// <code>
/// sealed class InverseRoot : ILearningRateSchedule
/// {
///     public double At(long step) =&gt; 0.01 / Math.Sqrt(step + 1);
/// }
/// </code>
/// </example>
public interface ILearningRateSchedule
{
    /// <summary>
    /// The rate of step <paramref name="step"/>, the first being 0: finite and not negative, or the step is refused before anything is computed.
    /// </summary>
    double At(long step);

    /// <summary>
    /// Whether nothing is learnt from step <paramref name="step"/> on, so that a trainer takes no further step; never, unless a schedule says otherwise.
    /// </summary>
    bool IsOver(long step) => false;
}
