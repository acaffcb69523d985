namespace GpuTransformer.Modules;

public sealed partial record AttentionOptions
{
    /// <summary>What the attention kernels take at most.</summary>
    internal const int WidestHead = 256;

    internal void Validate()
    {
        OptionChecks.Needed(Dim, nameof(Dim), "an attention");
        ValidateCore();
        int added = (L2Distance ? Modules.L2Distance.Columns : 0) + (HeadLearnedSink ? HeadSink.Columns : 0)
            + (DataDependentAlibi ? ForgettingColumns.Columns : 0);
        if (DimHead > WidestHead - added || ValueHeadDim > WidestHead)
        {
            throw new ArgumentException(
                $"DimHead = {DimHead}, ValueDimHead = {ValueHeadDim}: heads are at most {WidestHead} wide"
                + $"{(added > 0 ? $", of which L2Distance, HeadLearnedSink and DataDependentAlibi need {added}" : string.Empty)}.",
                nameof(DimHead));
        }

        OptionChecks.Product(
            QueryHeads,
            Math.Max(DimHead, ValueHeadDim),
            $"{nameof(Heads)} * {(ValueHeadDim > DimHead ? nameof(ValueDimHead) : nameof(DimHead))}",
            nameof(Heads));
        OptionChecks.Product(KeyValueHeads, Math.Max(1, NumMemKv), $"{nameof(KvHeads)} * {nameof(NumMemKv)}", nameof(NumMemKv));
        OptionChecks.Product(OutputDim, OnAttn ? 2 : 1, $"twice {nameof(DimOut)}", nameof(DimOut));
        ValidateHeads();
        ValidateNormalisation();
        ValidateOutput();
        ValidatePositions();
        ValidateProjections();
    }

    private void ValidateHeads()
    {
        if (OneKvHead && KvHeads is not null)
            throw new ArgumentException($"KvHeads = {KvHeads} and OneKvHead exclude each other; give one of them.", nameof(KvHeads));
        if (QueryHeads % KeyValueHeads != 0)
            throw new ArgumentException(
                $"Heads = {QueryHeads} is not a multiple of KvHeads = {KeyValueHeads}; every key/value head serves the same number of query heads.",
                nameof(KvHeads));
        if (ValueDimHead is not null && ValueHeadDim != DimHead && NumMemKv > 0)
            throw new ArgumentException(
                $"ValueDimHead = {ValueHeadDim} differs from DimHead = {DimHead}, but the memory of NumMemKv = {NumMemKv} has one width for keys and values.",
                nameof(ValueDimHead));
    }

    private void ValidateNormalisation()
    {
        OptionChecks.AtMostOne((QkNorm, nameof(QkNorm)), (QkRmsnorm, nameof(QkRmsnorm)), (KRmsnorm, nameof(KRmsnorm)));
        if (QkNormDimScale && !QkNorm)
            throw new ArgumentException("QkNormDimScale scales normalised queries and keys and needs QkNorm = true.", nameof(QkNormDimScale));
        if (QkNorm && (DimHead % QkNormGroups != 0 || DimHead / QkNormGroups <= 2))
            throw new ArgumentException($"QkNormGroups = {QkNormGroups} must divide DimHead = {DimHead} into groups wider than 2.", nameof(QkNormGroups));
        if (ValueRmsnorm && (KeyValueHeads != QueryHeads || ValueHeadDim != DimHead))
            throw new ArgumentException(
                $"ValueRmsnorm needs as many key/value heads as heads and values as wide as keys, not {KeyValueHeads} of {ValueHeadDim} for {QueryHeads} "
                + $"of {DimHead}.",
                nameof(ValueRmsnorm));
    }

    private void ValidateOutput()
    {
        if (!HasOutputProjection && MergedWidth * OutputCopies != OutputDim)
            throw new ArgumentException(
                $"Heads = {QueryHeads} of width {ValueHeadDim} give {MergedWidth} channels and, without an output projection, the output must be as wide, "
                + $"not {OutputDim}. "
                + "Set DimHead to the output width, or ProjectOut to true.",
                nameof(DimHead));
        if (ZeroInitOutput && (!HasOutputProjection || OnAttn))
            throw new ArgumentException(
                "ZeroInitOutput needs a plain output projection to initialise: there is none with one head, nor with OnAttn.", nameof(ZeroInitOutput));
    }
}
