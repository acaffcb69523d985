using GpuTransformer.Host;

namespace GpuTransformer.Modules;

/// <summary>One parameter as an optimizer sees it.</summary>
/// <param name="Name">Its <c>state_dict</c> key.</param>
/// <param name="Value">The float32 tensor that is changed.</param>
/// <param name="Decays">Whether weight decay applies.</param>
/// <param name="RateFactor">Multiplies the learning rate.</param>
/// <param name="DecayFactor">Multiplies the weight decay.</param>
public readonly record struct TrainedParameter(string Name, Tensor Value, bool Decays, double RateFactor = 1, double DecayFactor = 1)
{
    /// <summary>Multiplies the learning rate; finite, at least 0.</summary>
    public double RateFactor { get; init => field = OptionChecks.NotNegativeNumber(value); } = OptionChecks.NotNegativeNumber(RateFactor);

    /// <summary>Multiplies the weight decay; finite, at least 0.</summary>
    public double DecayFactor { get; init => field = OptionChecks.NotNegativeNumber(value); } = OptionChecks.NotNegativeNumber(DecayFactor);

    /// <summary>
    /// The parameters of <paramref name="module"/>, each now requiring a gradient. Decay applies to matrices; norms, biases, tokens and other vectors keep
    /// their scale (Loshchilov and Hutter's recipe as GPT and MAE use it).
    /// </summary>
    /// <param name="module">The module whose parameters are trained.</param>
    /// <param name="exclude">Parameters to leave as they are: they require no gradient; null for none.</param>
    /// <param name="groups">Rates and decays that differ from the rest; a parameter belongs to the first group that contains it. Null for none.</param>
    /// <exception cref="ArgumentException">
    /// A parameter is not float32: the step would be rounded away. Keep float32 parameters and compute in two bytes instead. Or a group is empty.
    /// </exception>
    public static IReadOnlyList<TrainedParameter> Of(Module module, Func<string, bool>? exclude = null, IReadOnlyList<ParameterGroup>? groups = null)
    {
        ArgumentNullException.ThrowIfNull(module);
        groups ??= [];
        foreach (ParameterGroup group in groups)
            ArgumentNullException.ThrowIfNull(group, nameof(groups));
        var parameters = new List<TrainedParameter>();
        var seen = new HashSet<Tensor>(ReferenceEqualityComparer.Instance);
        foreach ((string name, Tensor value) in module.NamedParameters())
        {
            if (value.DType != DType.Float32)
                throw new ArgumentException(
                    $"The parameter '{name}' is stored as {value.DType}; an optimizer needs Float32, or small steps are rounded away.", nameof(module));
            value.RequiresGradient = exclude is null || !exclude(name);

            // A tied parameter appears under several names and learns once.
            if (value.RequiresGradient && seen.Add(value))
            {
                ParameterGroup? group = groups.FirstOrDefault(g => g.Contains(name));
                bool decays = value.Shape.Rank >= 2 && value.Shape.Count > value.Shape[^1];
                parameters.Add(new TrainedParameter(name, value, decays, group?.RateFactor ?? 1, group?.DecayFactor ?? 1));
            }
        }

        // Most likely misspelt: the run would be another one than was meant.
        foreach (ParameterGroup group in groups)
        {
            if (!parameters.Exists(p => group.Contains(p.Name)))
                throw new ArgumentException(
                    $"No trained parameter is called '{group.Pattern}'; they are called like '{parameters.FirstOrDefault().Name}'.", nameof(groups));
        }

        return parameters;
    }

    /// <summary>The weight decay of this parameter where the optimizer's is <paramref name="decay"/>: times its factor, or 0 where it does not decay.</summary>
    public double DecayOf(double decay) => Decays ? decay * DecayFactor : 0;
}
