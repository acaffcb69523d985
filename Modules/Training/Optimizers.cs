using GpuTransformer.Host;

namespace GpuTransformer.Modules;

/// <summary>AdamW with decoupled decay (Loshchilov and Hutter 2019), the numbers as in PyTorch.</summary>
public sealed class AdamW : Optimizer
{
    private readonly Tensor[] _first;
    private readonly Tensor[] _second;

    /// <summary>An optimizer with zero moments.</summary>
    public AdamW(IReadOnlyList<TrainedParameter> parameters)
        : base(parameters)
    {
        using StepScope construction = Parameters[0].Value.Device.BeginConstruction();
        _first = AddMoments("first");
        _second = AddMoments("second");
        construction.Complete();
    }

    /// <summary>Decoupled weight decay, for parameters that decay; finite, at least 0.</summary>
    public double WeightDecay { get; init => field = OptionChecks.NotNegativeNumber(value); } = 0.01;

    /// <summary>How much of the first moment is kept, in [0, 1).</summary>
    public double Beta1 { get; init => field = OptionChecks.Kept(value); } = 0.9;

    /// <summary>How much of the second moment is kept, in [0, 1).</summary>
    public double Beta2 { get; init => field = OptionChecks.Kept(value); } = 0.999;

    /// <summary>Added to the root of the second moment; above zero.</summary>
    public double Epsilon { get; init => field = OptionChecks.PositiveNumber(value); } = 1e-8;

    private protected override bool MakesTensors => false;

    /// <inheritdoc/>
    protected override void Update(int index, Tensor gradient, double rate, float gradientScale)
    {
        TrainedParameter parameter = Parameters[index];
        var step = new AdamWStep(rate, StepCount, parameter.DecayOf(WeightDecay), Beta1, Beta2, Epsilon);
        Operators.AdamWUpdate(parameter.Value, gradient, _first[index], _second[index], step, gradientScale);
    }
}

/// <summary>Stochastic gradient descent with momentum; weight decay is added to the gradient, as in PyTorch.</summary>
public sealed class Sgd : Optimizer
{
    private readonly Tensor[] _momentum;

    /// <summary>An optimizer with zero momentum.</summary>
    public Sgd(IReadOnlyList<TrainedParameter> parameters)
        : base(parameters) => _momentum = AddMoments("momentum");

    /// <summary>How much of the momentum is kept, in [0, 1).</summary>
    public double Momentum { get; init => field = OptionChecks.Kept(value); } = 0.9;

    /// <summary>Weight decay, for parameters that decay; finite, at least 0.</summary>
    public double WeightDecay { get; init => field = OptionChecks.NotNegativeNumber(value); }

    private protected override bool MakesTensors => false;

    /// <inheritdoc/>
    protected override void Update(int index, Tensor gradient, double rate, float gradientScale)
    {
        TrainedParameter parameter = Parameters[index];
        Operators.SgdUpdate(parameter.Value, gradient, _momentum[index], rate, Momentum, parameter.DecayOf(WeightDecay), gradientScale);
    }
}

/// <summary>Lion (Chen et al. 2023): the sign of an interpolated momentum; rates about a tenth of AdamW's.</summary>
public sealed class Lion : Optimizer
{
    private readonly Tensor[] _momentum;

    /// <summary>An optimizer with zero momentum.</summary>
    public Lion(IReadOnlyList<TrainedParameter> parameters)
        : base(parameters) => _momentum = AddMoments("momentum");

    /// <summary>Decoupled weight decay, for parameters that decay; finite, at least 0.</summary>
    public double WeightDecay { get; init => field = OptionChecks.NotNegativeNumber(value); }

    /// <summary>Interpolation for the step's direction, in [0, 1).</summary>
    public double Beta1 { get; init => field = OptionChecks.Kept(value); } = 0.9;

    /// <summary>How much of the momentum is kept, in [0, 1).</summary>
    public double Beta2 { get; init => field = OptionChecks.Kept(value); } = 0.99;

    private protected override bool MakesTensors => false;

    /// <inheritdoc/>
    protected override void Update(int index, Tensor gradient, double rate, float gradientScale)
    {
        TrainedParameter parameter = Parameters[index];
        Operators.LionUpdate(parameter.Value, gradient, _momentum[index], rate, Beta1, Beta2, parameter.DecayOf(WeightDecay), gradientScale);
    }
}
