using GpuTransformer.Host;

namespace GpuTransformer.Modules;

/// <summary>One parameter as an optimizer sees it.</summary>
/// <param name="Name">Its <c>state_dict</c> key.</param>
/// <param name="Value">The float32 tensor that is changed.</param>
/// <param name="Decays">Whether weight decay applies.</param>
public readonly record struct TrainedParameter(string Name, Tensor Value, bool Decays)
{
    /// <summary>
    /// The parameters of <paramref name="module"/>, each now requiring a gradient. Decay applies to matrices; norms, biases, tokens and other vectors keep their
    /// scale (Loshchilov and Hutter's recipe as GPT and MAE use it).
    /// </summary>
    /// <param name="module">What learns.</param>
    /// <param name="exclude">Parameters to leave as they are: they require no gradient; null for none.</param>
    /// <exception cref="ArgumentException">A parameter is not float32: the step would be rounded away. Keep float32 parameters and compute in two bytes instead.</exception>
    public static IReadOnlyList<TrainedParameter> Of(Module module, Func<string, bool>? exclude = null)
    {
        ArgumentNullException.ThrowIfNull(module);
        var parameters = new List<TrainedParameter>();
        var seen = new HashSet<Tensor>(ReferenceEqualityComparer.Instance);
        foreach ((string name, Tensor value) in module.NamedParameters())
        {
            if (value.DType != DType.Float32)
                throw new ArgumentException($"The parameter '{name}' is stored as {value.DType}; an optimizer needs Float32, or small steps are rounded away.", nameof(module));
            value.RequiresGradient = exclude is null || !exclude(name);

            // A tied parameter appears under several names and learns once.
            if (value.RequiresGradient && seen.Add(value))
                parameters.Add(new TrainedParameter(name, value, value.Shape.Rank >= 2 && value.Shape.Count > value.Shape[^1]));
        }

        return parameters;
    }
}
