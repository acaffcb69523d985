using System.Text.Json.Serialization;

namespace GpuTransformer.Modules;

public sealed partial record TransformerWrapperOptions
{
    /// <summary>
    /// Makes the absolute positions in place of a learned table, given the width of a vector and what parameters are drawn from; null for the library's own.
    /// Only code can say it: a configuration in JSON has no name for it, and one that is written leaves it out.
    /// </summary>
    [JsonIgnore]
    public Func<int, ParameterInitializer, AbsolutePositions>? CustomPositions { get; init; }
}
