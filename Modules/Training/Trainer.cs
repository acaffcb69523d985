using System.Diagnostics;
using GpuTransformer.Host;

namespace GpuTransformer.Modules;

/// <summary>What one training step came to.</summary>
/// <param name="Step">Its number, from 0.</param>
/// <param name="Loss">The mean loss over the accumulated batches, unscaled.</param>
/// <param name="GradientNorm">The global norm before clipping; not finite where the step was skipped for it.</param>
/// <param name="Rate">The learning rate.</param>
/// <param name="Skipped">Whether the loss or a gradient was not finite, so that the parameters were left alone.</param>
/// <param name="LossScale">What the loss was multiplied with; it halves after a step that was skipped.</param>
/// <param name="Duration">How long it took.</param>
/// <param name="ManagedBytes">What was allocated on the managed heap meanwhile, by the thread that called: tensors' handles, records of the tape and the loss function's own.</param>
public readonly record struct StepResult(long Step, double Loss, double GradientNorm, double Rate, bool Skipped, double LossScale, TimeSpan Duration, long ManagedBytes);

/// <summary>
/// One training step after another: forward, backward, finite guard, clipping, optimizer, moving average. Memory of a step goes back to the pool when it ends.
/// <code>
/// using var trainer = new Trainer(model, new AdamW(TrainedParameter.Of(model)), new LearningRateSchedule { Peak = 1e-3, TotalSteps = 1000 });
/// while (trainer.StepNumber &lt; 1000)
///     Console.WriteLine(trainer.Step(() => Operators.MeanSquaredError(model.Forward(x), target)).Loss);
/// </code>
/// </summary>
public sealed class Trainer : IDisposable
{
    private readonly List<Tensor> _losses = []; // [1] for each accumulated batch
    private LossScaler? _lossScaler;
    private Tensor? _gradientSeed; // [1]: dL/dloss, the loss scale
    private float _seededScale;

    /// <summary>A trainer at step 0. It owns the optimizer and the average, not the model.</summary>
    /// <exception cref="ArgumentException">The schedule's numbers contradict each other.</exception>
    public Trainer(Module model, Optimizer optimizer, LearningRateSchedule schedule)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(optimizer);
        ArgumentNullException.ThrowIfNull(schedule);
        if (schedule.Contradiction() is { } contradiction)
            throw new ArgumentException(contradiction, nameof(schedule));
        Model = model;
        Optimizer = optimizer;
        Schedule = schedule;
    }

    /// <summary>What learns.</summary>
    public Module Model { get; }

    /// <summary>What changes it.</summary>
    public Optimizer Optimizer { get; }

    /// <summary>How fast.</summary>
    public LearningRateSchedule Schedule { get; }

    /// <summary>What dropout draws from, together with the number of the step. A resumed run goes on with the seed of its checkpoint.</summary>
    public int Seed { get; set; }

    /// <summary>Gradients are scaled down so that their global norm is at most this, finite and above zero; null for no clipping.</summary>
    public double? ClipNorm { get; init => field = value is { } most ? OptionChecks.PositiveNumber(most) : null; }

    /// <summary>Batches whose gradients are averaged for one step, at least 1.</summary>
    public int AccumulationSteps { get; init => field = OptionChecks.AtLeastOne(value); } = 1;

    /// <summary>Unless given: a scale that starts at 65,536 where the model or a part of it computes in Float16, none otherwise. Decided by the first step, or the first use.</summary>
    public LossScaler LossScaler
    {
        get => _lossScaler ??= ComputesInFloat16(Model) ? new LossScaler() : new LossScaler(1f);
        init => _lossScaler = value ?? throw new ArgumentNullException(nameof(value));
    }

    /// <summary>Followed after each step that was not skipped; null for none.</summary>
    public ExponentialMovingAverage? Average { get; init; }

    /// <summary>The number of the next step, from 0. Skipped ones count: the schedule and the data go on.</summary>
    public long StepNumber { get; internal set; }

    /// <summary>How many steps were skipped because something was not finite.</summary>
    public long SkippedSteps { get; internal set; }

    /// <summary>Takes one step.</summary>
    /// <param name="loss">Computes the loss of one batch, a scalar; called <see cref="AccumulationSteps"/> times.</param>
    /// <exception cref="InvalidOperationException">The schedule is over, so that the rate would be zero: see <see cref="LearningRateSchedule.Final"/>. Nothing was changed.</exception>
    public StepResult Step(Func<Tensor> loss) => Step(_ => loss());

    /// <summary>Takes one step.</summary>
    /// <param name="loss">Computes the loss of a batch, given its number within the step.</param>
    /// <exception cref="InvalidOperationException">As for the other overload.</exception>
    public StepResult Step(Func<int, Tensor> loss)
    {
        ArgumentNullException.ThrowIfNull(loss);
        if (Schedule.IsOver(StepNumber))
        {
            throw new InvalidOperationException(
                $"The schedule is over: step {StepNumber} would have the learning rate 0, for TotalSteps = {Schedule.TotalSteps}. Give it more TotalSteps, a Final rate above zero, or Decay = Constant.");
        }

        long start = Stopwatch.GetTimestamp(), allocated = GC.GetAllocatedBytesForCurrentThread();

        // A step that threw may have left some.
        Optimizer.ClearGradients();
        for (int i = 0; i < AccumulationSteps; i++)
            Batch(loss, i);

        float scale = LossScaler.Scale, unscale = 1f / (scale * AccumulationSteps);

        // The norm first: it waits for all that is queued, and the losses are then there.
        double norm = Optimizer.GradientNorm() * unscale, total = MeanLoss(), rate = Schedule.At(StepNumber);
        bool finite = double.IsFinite(total) && double.IsFinite(norm);
        if (finite)
        {
            float clip = ClipNorm is { } most && norm > most ? (float)(most / norm) : 1f;
            Optimizer.Step(rate, unscale * clip);
            Average?.Update();
        }
        else
        {
            SkippedSteps++;
        }

        Optimizer.ClearGradients();
        LossScaler.Update(finite);
        return new StepResult(StepNumber++, total, norm, rate, !finite, scale, Stopwatch.GetElapsedTime(start), GC.GetAllocatedBytesForCurrentThread() - allocated);
    }

    /// <summary>Writes parameters, moments, averages, step and loss scale in one atomic file.</summary>
    /// <exception cref="CheckpointException">A number that is trained is not finite any more; nothing was written, and an earlier file is as it was.</exception>
    public void Save(string path) => TrainingCheckpoint.Save(this, path);

    /// <summary>
    /// Continues from a file that <see cref="Save"/> wrote for the same model and optimizer, exactly where it left off. Everything is read into the host's memory and checked first, four bytes
    /// for each parameter, moment and average. The loss scale is taken over where this run scales its loss too.
    /// </summary>
    /// <exception cref="CheckpointException">
    /// The file is damaged, cannot be read, is of another model or optimizer, or holds what no run can go on from: numbers that are not finite, a loss scale that is no power of two, more steps
    /// than the schedule has before its rate is zero. Nothing was changed.
    /// </exception>
    /// <exception cref="InsufficientMemoryException">The host has no room for all of it; nothing was changed.</exception>
    public void Resume(string path) => TrainingCheckpoint.Load(this, path);

    /// <inheritdoc/>
    public void Dispose()
    {
        Optimizer.Dispose();
        Average?.Dispose();
        foreach (Tensor loss in _losses)
            loss.Dispose();
        _gradientSeed?.Dispose();
    }

    private void Batch(Func<int, Tensor> loss, int index)
    {
        ComputeDevice device = Model.Device;
        using StepScope step = device.BeginStep(record: true, training: new TrainingStep(Seed, StepNumber, index));
        Tensor value = loss(index);
        if (value.Shape.Count != 1)
            throw new ArgumentException($"The loss has shape {value.Shape}; a training step needs one number.", nameof(loss));
        step.Backward(value, GradientSeed().Like(value).Reshape(value.Shape));
        if (index == _losses.Count)
            _losses.Add(Tensor.Persistent(device, [1]));
        Operators.CopyInto(_losses[index], (value.DType == DType.Float32 ? value : Operators.Cast(value, DType.Float32)).Reshape([1]));
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

    private double MeanLoss()
    {
        double total = 0;
        Span<float> one = stackalloc float[1];
        for (int i = 0; i < AccumulationSteps; i++)
        {
            _losses[i].CopyTo(one);
            total += one[0];
        }

        return total / AccumulationSteps;
    }
}
