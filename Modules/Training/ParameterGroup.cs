using System.IO.Enumeration;

namespace GpuTransformer.Modules;

/// <summary>
/// Parameters that learn at another rate or decay by another measure than the rest: <c>new ParameterGroup("encoder.*") { RateFactor = 0.1 }</c>.
/// </summary>
/// <param name="Pattern">Matched against the whole <c>state_dict</c> key; <c>*</c> stands for any characters, <c>?</c> for one.</param>
public sealed record ParameterGroup(string Pattern)
{
    /// <summary>Matched against the whole <c>state_dict</c> key; <c>*</c> stands for any characters, <c>?</c> for one. Not empty.</summary>
    public string Pattern { get; init => field = NotEmpty(value); } = NotEmpty(Pattern);

    /// <summary>Multiplies the schedule's learning rate; finite, at least 0.</summary>
    public double RateFactor { get; init => field = OptionChecks.NotNegativeNumber(value); } = 1;

    /// <summary>Multiplies the optimizer's weight decay, for those parameters that decay; finite, at least 0.</summary>
    public double DecayFactor { get; init => field = OptionChecks.NotNegativeNumber(value); } = 1;

    /// <summary>Whether a parameter of this key belongs to the group.</summary>
    public bool Contains(string name) => FileSystemName.MatchesSimpleExpression(Pattern, name, ignoreCase: false);

    private static string NotEmpty(string pattern)
    {
        ArgumentException.ThrowIfNullOrEmpty(pattern, nameof(Pattern));
        return pattern;
    }
}
