using System.Text.Json.Serialization;

namespace GpuTransformer.Modules;

public sealed partial record AttentionLayersOptions
{
    /// <summary>
    /// Makes the stack's norms in place of LayerNorm: called once for each, with what it draws its parameters from; null for the library's own norms. Only code
    /// can say it: a configuration in JSON has no name for it, and one that is written leaves it out.
    /// </summary>
    [JsonIgnore]
    public Func<ParameterInitializer, Norm>? CustomNorm { get; init; }
}
