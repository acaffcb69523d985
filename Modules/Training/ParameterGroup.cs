using System.IO.Enumeration;

namespace GpuTransformer.Modules;

/// <summary>Parameters that learn at another rate or decay by another measure than the rest: <c>new ParameterGroup("encoder.*") { RateFactor = 0.1 }</c>.</summary>
/// <param name="Pattern">Matched against the whole <c>state_dict</c> key; <c>*</c> stands for any characters, <c>?</c> for one.</param>
public sealed record ParameterGroup(string Pattern)
{
    /// <summary>Multiplies the schedule's learning rate.</summary>
    public double RateFactor { get; init; } = 1;

    /// <summary>Multiplies the optimizer's weight decay, for those parameters that decay.</summary>
    public double DecayFactor { get; init; } = 1;

    /// <summary>Whether a parameter of this key belongs to the group.</summary>
    public bool Contains(string name) => FileSystemName.MatchesSimpleExpression(Pattern, name, ignoreCase: false);

    internal void Validate()
    {
        ArgumentException.ThrowIfNullOrEmpty(Pattern);
        if (!(RateFactor >= 0 && double.IsFinite(RateFactor) && DecayFactor >= 0 && double.IsFinite(DecayFactor)))
            throw new ArgumentException($"The group '{Pattern}' has the factors {RateFactor} (rate) and {DecayFactor} (decay), but they must be finite and not negative.");
    }
}
