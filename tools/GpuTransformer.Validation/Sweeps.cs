using GpuTransformer.Host;

namespace GpuTransformer.Validation;

/// <summary>The sweeps of all operators, in the order of the catalogue.</summary>
internal static class Sweeps
{
    /// <summary>One for each operator of <see cref="KernelCatalog.Operators"/>.</summary>
    public static IReadOnlyList<OperatorSweep> All { get; } =
    [
        LayerNormCases.Sweep,
        RmsNormCases.Sweep,
        MatrixMultiplyCases.Sweep,
        AddCases.Sweep,
        MultiplyCases.Sweep,
        ScaleCases.Sweep,
        CastCases.Sweep,
        SoftClampCases.Sweep,
        ActivateCases.Sweep,
        GatedLinearUnitCases.Sweep,
        ScaleAndShiftCases.Sweep,
        CopyRowsCases.Sweep,
        ImagePatchesCases.Sweep,
        SoftmaxCases.Sweep,
        SoftmaxBackwardCases.Sweep,
        SumRowsCases.Sweep,
        LayerNormBackwardCases.Sweep,
        RmsNormBackwardCases.Sweep,
        ActivationBackwardCases.Sweep,
        SoftClampBackwardCases.Sweep,
        GatedLinearUnitBackwardCases.Sweep,
        ScatterRowsCases.Sweep,
        DropoutCases.Sweep,
        AttentionCases.Sweep,
        CrossEntropyCases.ForwardSweep,
        CrossEntropyCases.BackwardSweep,
        .. RowLossCases.Sweeps,
        WeightedMeanCases.Sweep,
        AttentionBackwardCases.Sweep,
        SumOfSquaresCases.Sweep,
        InterpolateCases.Sweep,
        AdamWCases.Sweep,
        SgdCases.Sweep,
        LionCases.Sweep,
        StridedCopyCases.Sweep,
        RotatePairsCases.Sweep,
        ScatterAxisCases.Sweep,
        RankCases.Sweep,
        RankCases.ArgExtremeSweep,
        CumulativeSumCases.Sweep,
        .. ReductionCases.Sweeps,
        .. AlgebraCases.Sweeps,
        .. SelectionCases.Sweeps,
    ];

    /// <summary>The cases of one operator, drawn from <paramref name="seed"/>.</summary>
    /// <exception cref="ArgumentException">Nobody wrote any.</exception>
    public static IEnumerable<ValidationCase> Cases(this OperatorDefinition definition, int seed)
        => (All.FirstOrDefault(sweep => ReferenceEquals(sweep.Operator, definition))
            ?? throw new ArgumentException($"{definition.Name} has no cases; add its sweep to {nameof(Sweeps)}.{nameof(All)}.",
                nameof(definition))).Cases(seed);
}
