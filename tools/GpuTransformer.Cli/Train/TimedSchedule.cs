using GpuTransformer.Modules;

namespace GpuTransformer.Cli.Train;

/// <summary>
/// The learning rate of a run that ends after a time: it rises along a straight line, by steps but for a tenth of the time at most, and falls along half a
/// cosine with the time that is used up.
/// </summary>
internal sealed class TimedSchedule(double peak, int warmUpSteps, TrainingLimit limit) : ILearningRateSchedule
{
    /// <inheritdoc/>
    public double At(long step)
    {
        double share = limit.Share(step), rise = Math.Max((step + 1.0) / (warmUpSteps + 1.0), 10 * share);
        return peak * Math.Min(1, rise) * 0.5 * (1 + Math.Cos(Math.PI * share));
    }
}
