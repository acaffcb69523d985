using GpuTransformer.Host;

namespace GpuTransformer.Modules;

public sealed partial class Trainer
{
    private readonly StepMetrics _metrics = new();
    private bool _isStepping;
    private bool _isMeasuring;

    /// <summary>
    /// Raised before anything of a step is computed: to change data, freeze parameters, or to go back with <see cref="Resume"/>, after which the step has the
    /// number and the rate of the checkpoint. What a handler throws comes out of <see cref="Step(Func{Tensor})"/>; nothing was changed, and the step can be
    /// taken again.
    /// </summary>
    public event EventHandler<StepStartingEventArgs>? BeforeStep;

    /// <summary>
    /// Raised when a step is done and counted, skipped or not: to log, evaluate, save, or resume. What a handler throws comes out of
    /// <see cref="Step(Func{Tensor})"/>; the step stays taken, and the next call takes the next one.
    /// </summary>
    public event EventHandler<StepTakenEventArgs>? AfterStep;

    /// <summary>
    /// Measures something beside the loss, from within the loss function: a number on the device. It is read when the step is done, so nothing waits.
    /// <see cref="StepResult.Metrics"/> has the mean of all values of that name in the step.
    /// </summary>
    /// <param name="name">What it is called in <see cref="StepResult.Metrics"/>.</param>
    /// <param name="value">A real tensor of one element, on the model's device; no gradient flows through it.</param>
    /// <exception cref="ArgumentException">The value is not one real number on the model's device, or the name is empty.</exception>
    /// <exception cref="InvalidOperationException">No loss function is running.</exception>
    public void Measure(string name, Tensor value)
    {
        ArgumentNullException.ThrowIfNull(value);
        CheckMeasuring(name);
        if (!ReferenceEquals(value.Device, Model.Device) || value.Shape.Count != 1 || !value.DType.IsFloatingPoint())
            throw new ArgumentException(
                $"The metric '{name}' is {value}; it must be one real number on {Model.Device}. A mean makes one of many.", nameof(value));
        using StepScope pause = Model.Device.NoGradient();
        _metrics.Add(name, value);
    }

    /// <summary>As <see cref="Measure(string, Tensor)"/>, a number that the host knows.</summary>
    /// <exception cref="ArgumentException">The name is empty.</exception>
    /// <exception cref="InvalidOperationException">No loss function is running.</exception>
    public void Measure(string name, double value)
    {
        CheckMeasuring(name);
        _metrics.Add(name, value);
    }

    /// <summary>The rate of the next step.</summary>
    private double CheckedRate()
    {
        if (Schedule.IsOver(StepNumber))
        {
            throw new InvalidOperationException(Schedule is LearningRateSchedule { TotalSteps: int total }
                ? $"The schedule is over: step {StepNumber} would have the learning rate 0, for TotalSteps = {total}. Give it more TotalSteps, a Final rate "
                    + "above zero, or Decay = Constant."
                : $"The schedule is over: {Schedule.GetType().Name} has no rate for step {StepNumber}.");
        }

        double rate = Schedule.At(StepNumber);
        return rate >= 0 && double.IsFinite(rate)
            ? rate
            : throw new InvalidOperationException(
                $"{Schedule.GetType().Name} has the rate {rate} for step {StepNumber}; a learning rate is finite and not negative. Nothing was computed.");
    }

    private double RaiseBeforeStep(double rate)
    {
        if (BeforeStep is not { } before)
            return rate;
        before(this, new StepStartingEventArgs(StepNumber, rate));

        // It may have resumed.
        return CheckedRate();
    }

    private void CheckMeasuring(string name)
    {
        ArgumentException.ThrowIfNullOrEmpty(name);
        if (!_isMeasuring)
            throw new InvalidOperationException(
                $"The metric '{name}' is measured outside a step; call {nameof(Measure)} in the loss function that is given to {nameof(Step)}.");
    }

    private static bool ComputesInFloat16(Module module) => module.ComputeDType == DType.Float16 || module.Children.Any(static c => ComputesInFloat16(c.Value));

    // Kept, because writing it anew would wait between forward and backward.
    private Tensor GradientSeed()
    {
        if (_gradientSeed is null || _seededScale != LossScaler.Scale)
        {
            _gradientSeed ??= Tensor.Persistent(Model.Device, [1]);
            _gradientSeed.Write([_seededScale = LossScaler.Scale]);
        }

        return _gradientSeed;
    }
}
