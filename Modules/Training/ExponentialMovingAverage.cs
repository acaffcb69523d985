using GpuTransformer.Host;

namespace GpuTransformer.Modules;

/// <summary>
/// Slowly following copies of the parameters: average ← decay · average + (1 − decay) · parameter after each step. Often better for evaluation than the
/// parameters.
/// </summary>
public sealed class ExponentialMovingAverage : IDisposable
{
    private readonly IReadOnlyList<TrainedParameter> _parameters;
    private readonly Tensor[] _averages;

    /// <summary>Averages that start at the parameters.</summary>
    /// <param name="parameters">What is followed.</param>
    /// <param name="decay">From 0 (no memory) to below 1.</param>
    public ExponentialMovingAverage(IReadOnlyList<TrainedParameter> parameters, double decay = 0.999)
    {
        ArgumentNullException.ThrowIfNull(parameters);
        if (!(decay >= 0 && decay < 1))
            throw new ArgumentOutOfRangeException(nameof(decay), decay, "The decay is from 0 to below 1.");
        _parameters = parameters;
        Decay = decay;
        _averages = new Tensor[parameters.Count];
        if (parameters.Count == 0)
            return;
        using StepScope construction = parameters[0].Value.Device.BeginConstruction();
        for (int i = 0; i < _averages.Length; i++)
        {
            Tensor parameter = parameters[i].Value;
            _averages[i] = Tensor.Persistent(parameter.Device, parameter.Shape);
            Operators.CopyInto(_averages[i], parameter);
        }

        construction.Complete();
    }

    /// <summary>How much of the average is kept in each step.</summary>
    public double Decay { get; }

    /// <summary>The averages under the parameters' names.</summary>
    public IEnumerable<(string Name, Tensor Value)> NamedAverages() => _parameters.Zip(_averages, static (p, a) => (p.Name, a));

    /// <summary>Follows the parameters by one step.</summary>
    public void Update()
    {
        for (int i = 0; i < _averages.Length; i++)
            Operators.InterpolateInto(_averages[i], _parameters[i].Value, (float)(1 - Decay));
    }

    /// <summary>Exchanges parameters and averages; a second call exchanges them back. For evaluation between steps.</summary>
    public void Swap()
    {
        for (int i = 0; i < _averages.Length; i++)
        {
            Tensor parameter = _parameters[i].Value;
            using StepScope scope = parameter.Device.BeginStep();
            Tensor kept = Tensor.Empty(parameter.Device, parameter.Shape);
            Operators.CopyInto(kept, parameter);
            Operators.CopyInto(parameter, _averages[i]);
            Operators.CopyInto(_averages[i], kept);
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (Tensor average in _averages)
            average.Dispose();
    }
}
