namespace GpuTransformer.Host;

/// <summary>
/// The one list of operators. The dispatcher, <c>gpu-transformer kernels</c>, <c>validate</c>, <c>bench</c>, <c>ptx</c> and the tests all walk it: a kernel
/// that is not reachable from here does not exist, and one that is here is validated with no further work.
/// </summary>
public static class KernelCatalog
{
    /// <summary>All operators.</summary>
    public static IReadOnlyList<OperatorDefinition> Operators { get; } =
    [
        LayerNormOperator.Definition,
        RmsNormOperator.Definition,
        MatrixMultiplyOperator.Definition,
        AddOperator.Definition,
        MultiplyOperator.Definition,
        ScaleOperator.Definition,
        CastOperator.Definition,
        SoftClampOperator.Definition,
        ActivateOperator.Definition,
        GatedLinearUnitOperator.Definition,
        ScaleAndShiftOperator.Definition,
        CopyRowsOperator.Definition,
        ImagePatchesOperator.Definition,
        SoftmaxOperator.Definition,
        SoftmaxBackwardOperator.Definition,
        SumRowsOperator.Definition,
        LayerNormBackwardOperator.Definition,
        RmsNormBackwardOperator.Definition,
        ActivationBackwardOperator.Definition,
        SoftClampBackwardOperator.Definition,
        GatedLinearUnitBackwardOperator.Definition,
        ScatterRowsOperator.Definition,
        DropoutOperator.Definition,
        AttentionOperator.Definition,
        CrossEntropyOperator.Definition,
        CrossEntropyBackwardOperator.Definition,
        SquaredErrorOperator.Definition,
        SquaredErrorBackwardOperator.Definition,
        WeightedMeanOperator.Definition,
        AttentionBackwardOperator.Definition,
        SumOfSquaresOperator.Definition,
        InterpolateOperator.Definition,
        AdamWOperator.Definition,
        SgdOperator.Definition,
        LionOperator.Definition,
    ];

    /// <summary>The name of a variant that at least one operator has.</summary>
    internal static string CheckVariant(string variant, string name)
    {
        string[] known = [.. Operators.SelectMany(static o => o.Variants).Select(static v => v.Name).Distinct()];
        return known.Contains(variant) ? variant : throw new ArgumentException($"{name} = '{variant}', but variants are called {string.Join(", ", known)}; null leaves the choice to the dispatcher.", name);
    }
}
