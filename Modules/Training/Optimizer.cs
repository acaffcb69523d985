using GpuTransformer.Host;

namespace GpuTransformer.Modules;

/// <summary>
/// Changes parameters by their gradients. Owns its state, which a training checkpoint keeps beside the parameters. One of one's own derives from it, adds its
/// state in its constructor and overrides <see cref="Update"/>.
/// </summary>
/// <example>
/// <code>
/// sealed class Heavy : Optimizer
/// {
///     private readonly Tensor[] _velocity;
///
///     public Heavy(IReadOnlyList&lt;TrainedParameter&gt; parameters) : base(parameters) =&gt; _velocity = AddMoments("velocity");
///
///     protected override void Update(int index, Tensor gradient, double rate, float gradientScale)
///     {
///         Operators.CopyInto(_velocity[index], Operators.Add(Operators.Scale(_velocity[index], 0.9f), Operators.Scale(gradient, gradientScale)));
///         Operators.AddInto(Parameters[index].Value, Operators.Scale(_velocity[index], (float)-rate));
///     }
/// }
/// </code>
/// </example>
public abstract class Optimizer : IDisposable
{
    private readonly List<(string Name, Tensor Value)> _state = [];
    private readonly List<Tensor> _gradients = [];

    /// <summary>An optimizer without state yet.</summary>
    /// <param name="parameters">What it trains, all on one device.</param>
    /// <exception cref="ArgumentException">There is no parameter.</exception>
    protected Optimizer(IReadOnlyList<TrainedParameter> parameters)
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

    /// <summary>The state under its names in a checkpoint: <c>first.&lt;parameter&gt;</c>.</summary>
    public IReadOnlyList<(string Name, Tensor Value)> State => _state;

    /// <summary>Changes every parameter that has a gradient.</summary>
    /// <param name="rate">The learning rate of this step.</param>
    /// <param name="gradientScale">Multiplies the gradients first: clipping, loss scale, accumulation.</param>
    /// <exception cref="ArgumentOutOfRangeException">The rate is negative, or one of the two is not finite; nothing was changed.</exception>
    /// <remarks>
    /// What <see cref="Update"/> throws comes out as it is; the step is then not counted, but parameters before the one at fault have changed.
    /// </remarks>
    public void Step(double rate, float gradientScale = 1f)
    {
        if (!(rate >= 0) || !double.IsFinite(rate))
            throw new ArgumentOutOfRangeException(nameof(rate), rate, "A learning rate is finite and not negative.");
        if (!float.IsFinite(gradientScale))
            throw new ArgumentOutOfRangeException(nameof(gradientScale), gradientScale, "The factor of the gradients is finite; nothing was changed.");
        StepCount++;
        bool done = false;
        try
        {
            UpdateAll(rate, gradientScale);
            done = true;
        }
        finally
        {
            if (!done)
                StepCount--;
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

    /// <summary>
    /// Changes one parameter in place: its <see cref="TrainedParameter.Value"/> and what belongs to it of the state. Nothing is recorded meanwhile, and the
    /// tensors that it makes are freed when the step ends. <see cref="StepCount"/> counts the step already, so that it is 1 in the first.
    /// </summary>
    /// <param name="index">
    /// The parameter's place in <see cref="Parameters"/>. Its <see cref="TrainedParameter.DecayOf"/> says how much weight decay it has.
    /// </param>
    /// <param name="gradient">Its gradient, of the parameter's shape, not scaled yet; to be read only.</param>
    /// <param name="rate">The learning rate, the parameter's own factor included.</param>
    /// <param name="gradientScale">The gradient is to be multiplied with it first.</param>
    protected abstract void Update(int index, Tensor gradient, double rate, float gradientScale);

    /// <summary>
    /// A zero of each parameter's shape in float32, owned by the optimizer and kept in training checkpoints as <c>name.&lt;parameter&gt;</c>. For the
    /// constructor.
    /// </summary>
    /// <param name="name">No dot inside, and none that is taken.</param>
    /// <exception cref="ArgumentException">The name is empty, has a dot or is taken.</exception>
    protected Tensor[] AddMoments(string name)
    {
        CheckName(name);
        using StepScope construction = Parameters[0].Value.Device.BeginConstruction();
        var moments = new Tensor[Parameters.Count];
        for (int i = 0; i < moments.Length; i++)
        {
            Tensor parameter = Parameters[i].Value;
            moments[i] = Tensor.PersistentZeros(parameter.Device, parameter.Shape);
        }

        construction.Complete();
        for (int i = 0; i < moments.Length; i++)
            _state.Add(($"{name}.{Parameters[i].Name}", moments[i]));
        return moments;
    }

    /// <summary>
    /// One float32 tensor of zeros for all parameters together, owned and kept as those of <see cref="AddMoments"/>, under <paramref name="name"/> alone. For
    /// the constructor.
    /// </summary>
    /// <param name="name">No dot inside, and none that is taken.</param>
    /// <param name="shape">Its shape, which must be the same in a run that resumes.</param>
    /// <exception cref="ArgumentException">The name is empty, has a dot or is taken.</exception>
    protected Tensor AddState(string name, Shape shape)
    {
        CheckName(name);
        Tensor value = Tensor.PersistentZeros(Parameters[0].Value.Device, shape);
        _state.Add((name, value));
        return value;
    }

    /// <summary>Whether updates leave tensors behind: those of this library are one kernel each.</summary>
    private protected virtual bool MakesTensors => true;

    private void UpdateAll(double rate, float gradientScale)
    {
        ComputeDevice device = Parameters[0].Value.Device;
        using StepScope? pause = MakesTensors ? device.BeginStep(record: false) : null;
        for (int i = 0; i < Parameters.Count; i++)
        {
            if (Parameters[i].Value.Gradient is { } gradient)
                Update(i, gradient, rate * Parameters[i].RateFactor, gradientScale);
        }
    }

    private void CheckName(string name)
    {
        ArgumentException.ThrowIfNullOrEmpty(name);
        if (name.Contains('.'))
            throw new ArgumentException($"The name '{name}' has a dot, which separates it from the parameter's in a checkpoint.", nameof(name));
        if (_state.Exists(s => s.Name == name || s.Name.StartsWith($"{name}.", StringComparison.Ordinal)))
            throw new ArgumentException($"{GetType().Name} has state named '{name}' already.", nameof(name));
    }
}
