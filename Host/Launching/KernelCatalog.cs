namespace GpuTransformer.Host;

/// <summary>
/// The one list of operators. The dispatcher, <c>gpu-transformer kernels</c>, <c>validate</c>, <c>bench</c>, <c>ptx</c> and the tests all walk it: a kernel
/// that is not reachable from here does not exist, and one that is here is validated with no further work.
/// </summary>
internal static partial class KernelCatalog
{
    /// <summary>
    /// All operators: every <c>Definition</c> of this assembly in the order of the names, listed by the compiler, and the functions of the algebra.
    /// </summary>
    public static IReadOnlyList<OperatorDefinition> Operators { get; } = [.. Declared(), .. Algebra.Operators()];

    /// <summary>The name of a variant that at least one operator has.</summary>
    internal static string CheckVariant(string variant, string name)
    {
        string[] known = [.. Operators.SelectMany(static o => o.Variants).Select(static v => v.Name).Distinct()];
        return known.Contains(variant)
            ? variant
            : throw new ArgumentException(
                $"{name} = '{variant}', but variants are called {string.Join(", ", known)}; null leaves the choice to the dispatcher.", name);
    }
}
