using GpuTransformer.Host;

namespace GpuTransformer.Modules;

/// <summary>Changes parameters by their gradients. Owns its moments, which a training checkpoint keeps beside the parameters.</summary>
public abstract class Optimizer : IDisposable
{
    private readonly List<(string Name, Tensor Value)> _state = [];
    private readonly List<Tensor> _gradients = [];

    private protected Optimizer(IReadOnlyList<TrainedParameter> parameters)
    {
        ArgumentNullException.ThrowIfNull(parameters);
        if (parameters.Count == 0)
            throw new ArgumentException("There is no parameter to train; is everything excluded?", nameof(parameters));
        Parameters = parameters;
    }

    /// <summary>What is trained.</summary>
    public IReadOnlyList<TrainedParameter> Parameters { get; }

    /// <summary>How many steps were taken.</summary>
    public long StepCount { get; internal set; }

    /// <summary>The moments under names for a checkpoint: <c>first.&lt;parameter&gt;</c>.</summary>
    public IReadOnlyList<(string Name, Tensor Value)> State => _state;

    /// <summary>Changes every parameter that has a gradient.</summary>
    /// <param name="rate">The learning rate of this step.</param>
    /// <param name="gradientScale">Multiplies the gradients first: clipping, loss scale, accumulation.</param>
    public void Step(double rate, float gradientScale = 1f)
    {
        if (!(rate >= 0) || !double.IsFinite(rate))
            throw new ArgumentOutOfRangeException(nameof(rate), rate, "A learning rate is finite and not negative.");
        if (!float.IsFinite(gradientScale))
            throw new ArgumentOutOfRangeException(nameof(gradientScale), gradientScale, "The factor of the gradients is finite; nothing was changed.");
        StepCount++;
        for (int i = 0; i < Parameters.Count; i++)
        {
            if (Parameters[i].Value.Gradient is { } gradient)
                Update(i, gradient, rate * Parameters[i].RateFactor, gradientScale);
        }
    }

    /// <summary>Forgets all gradients.</summary>
    public void ClearGradients()
    {
        for (int i = 0; i < Parameters.Count; i++)
            Parameters[i].Value.ClearGradient();
    }

    /// <summary>sqrt(Σ g²) over all gradients; not finite if one of them is not. Waits for the device.</summary>
    public double GradientNorm()
    {
        _gradients.Clear();
        for (int i = 0; i < Parameters.Count; i++)
        {
            if (Parameters[i].Value.Gradient is { } gradient)
                _gradients.Add(gradient);
        }

        double norm = Operators.GlobalNorm(_gradients);
        _gradients.Clear();
        return norm;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach ((_, Tensor value) in _state)
            value.Dispose();
        GC.SuppressFinalize(this);
    }

    private protected abstract void Update(int index, Tensor gradient, double rate, float gradientScale);

    /// <summary>A zero moment for each parameter.</summary>
    private protected Tensor[] AddMoments(string name)
    {
        using StepScope construction = Parameters[0].Value.Device.BeginConstruction();
        var moments = new Tensor[Parameters.Count];
        for (int i = 0; i < moments.Length; i++)
        {
            Tensor parameter = Parameters[i].Value;
            moments[i] = Tensor.PersistentZeros(parameter.Device, parameter.Shape);
            _state.Add(($"{name}.{Parameters[i].Name}", moments[i]));
        }

        construction.Complete();
        return moments;
    }
}
