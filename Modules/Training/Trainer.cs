using System.Diagnostics;
using GpuTransformer.Host;

namespace GpuTransformer.Modules;

/// <summary>
/// One training step after another: forward, backward, finite guard, clipping, optimizer, moving average. Memory of a step goes back to the pool when it ends.
/// <code>
/// using var trainer = new Trainer(model, new AdamW(TrainedParameter.Of(model)), new LearningRateSchedule { Peak = 1e-3, TotalSteps = 1000 });
/// while (trainer.StepNumber &lt; 1000)
///     Console.WriteLine(trainer.Step(() => Operators.MeanSquaredError(model.Forward(x), target)).Loss);
/// </code>
/// </summary>
public sealed partial class Trainer : IDisposable
{
    private readonly List<Tensor> _losses = []; // [1] for each accumulated batch
    private LossScaler? _lossScaler;
    private Tensor? _gradientSeed; // [1]: dL/dloss, the loss scale
    private float _seededScale;

    /// <summary>A trainer at step 0. It owns the optimizer and the average, not the model.</summary>
    /// <exception cref="ArgumentException">The schedule's numbers contradict each other.</exception>
    public Trainer(Module model, Optimizer optimizer, ILearningRateSchedule schedule)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(optimizer);
        ArgumentNullException.ThrowIfNull(schedule);
        if ((schedule as LearningRateSchedule)?.Contradiction() is { } contradiction)
            throw new ArgumentException(contradiction, nameof(schedule));
        Model = model;
        Optimizer = optimizer;
        Schedule = schedule;
    }

    /// <summary>The model whose parameters are trained.</summary>
    public Module Model { get; }

    /// <summary>Changes the parameters once per step, from their gradients.</summary>
    public Optimizer Optimizer { get; }

    /// <summary>Gives each step its learning rate.</summary>
    public ILearningRateSchedule Schedule { get; }

    /// <summary>What dropout draws from, together with the number of the step. A resumed run goes on with the seed of its checkpoint.</summary>
    public int Seed { get; set; }

    /// <summary>Gradients are scaled down so that their global norm is at most this, finite and above zero; null for no clipping.</summary>
    public double? ClipNorm { get; init => field = value is { } most ? OptionChecks.PositiveNumber(most) : null; }

    /// <summary>Batches whose gradients are averaged for one step, at least 1.</summary>
    public int AccumulationSteps { get; init => field = OptionChecks.AtLeastOne(value); } = 1;

    /// <summary>
    /// Unless given: a scale that starts at 65,536 where the model or a part of it computes in Float16, none otherwise. Decided by the first step, or the first
    /// use.
    /// </summary>
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
    /// <exception cref="InvalidOperationException">
    /// The schedule is over, so that the rate would be zero: see <see cref="LearningRateSchedule.Final"/>; or it has no rate that a step can be taken with.
    /// Nothing was changed.
    /// </exception>
    public StepResult Step(Func<Tensor> loss) => Step(_ => loss());

    /// <summary>Takes one step.</summary>
    /// <param name="loss">Computes the loss of a batch, given its number within the step.</param>
    /// <exception cref="InvalidOperationException">As for the other overload.</exception>
    public StepResult Step(Func<int, Tensor> loss)
    {
        ArgumentNullException.ThrowIfNull(loss);
        if (_isStepping)
            throw new InvalidOperationException($"Step {StepNumber} is under way; a handler or a loss function cannot take another one in it.");
        _isStepping = true;
        try
        {
            double rate = RaiseBeforeStep(CheckedRate());
            StepResult result = Take(loss, rate);
            AfterStep?.Invoke(this, new StepTakenEventArgs(result));
            return result;
        }
        finally
        {
            _isStepping = false;
        }
    }

    /// <summary>Writes parameters, moments, averages, step and loss scale in one atomic file.</summary>
    /// <exception cref="CheckpointException">
    /// A number that is trained is not finite any more; nothing was written, and an earlier file is as it was.
    /// </exception>
    public void Save(string path) => TrainingCheckpoint.Save(this, path);

    /// <summary>
    /// Continues from a file that <see cref="Save"/> wrote for the same model and optimizer, exactly where it left off. Everything is read into the host's
    /// memory and checked first, four bytes for each parameter, moment and average. The loss scale is taken over where this run scales its loss too.
    /// </summary>
    /// <exception cref="CheckpointException">
    /// The file is damaged, cannot be read, is of another model or optimizer, or holds what no run can go on from: numbers that are not finite, a loss scale
    /// that is no power of two, more steps than the schedule has before its rate is zero. Nothing was changed.
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
        _metrics.Dispose();
    }

    private StepResult Take(Func<int, Tensor> loss, double rate)
    {
        long start = Stopwatch.GetTimestamp(), allocated = GC.GetAllocatedBytesForCurrentThread();

        // A step that threw may have left some.
        Optimizer.ClearGradients();
        _metrics.Clear();
        for (int i = 0; i < AccumulationSteps; i++)
            Batch(loss, i);

        float scale = LossScaler.Scale, unscale = 1f / (scale * AccumulationSteps);

        // The norm first: it waits for all that is queued, and the losses are then there.
        double norm = Optimizer.GradientNorm() * unscale, total = MeanLoss();
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
        IReadOnlyDictionary<string, double> metrics = _metrics.Means();
        return new StepResult(StepNumber++, total, norm, rate, !finite, scale, Stopwatch.GetElapsedTime(start),
            GC.GetAllocatedBytesForCurrentThread() - allocated) { Metrics = metrics };
    }

    private void Batch(Func<int, Tensor> loss, int index)
    {
        ComputeDevice device = Model.Device;
        using StepScope step = device.BeginStep(record: true, training: new TrainingStep(Seed, StepNumber, index));
        Tensor value;
        try
        {
            _isMeasuring = true;
            value = loss(index);
        }
        finally
        {
            _isMeasuring = false;
        }

        if (value.Shape.Count != 1)
            throw new ArgumentException($"The loss has shape {value.Shape}; a training step needs one number.", nameof(loss));
        step.Backward(value, GradientSeed().Like(value).Reshape(value.Shape));
        if (index == _losses.Count)
            _losses.Add(Tensor.Persistent(device, [1]));
        Operators.CopyInto(_losses[index], (value.DType == DType.Float32 ? value : Operators.Cast(value, DType.Float32)).Reshape([1]));
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
