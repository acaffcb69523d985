using GpuTransformer.Cli.Reporting;

namespace GpuTransformer.Cli.Train.Copy;

/// <summary>What <c>train copy</c> came to, on fresh sequences that the model decoded by itself.</summary>
internal sealed record CopyReport : TrainingReport
{
    public int WrongSymbols { get; init; }

    public int Symbols { get; init; }

    public int WrongSequences { get; init; }

    public int Sequences { get; init; }

    /// <inheritdoc/>
    public override string Summary
        => $"{Format.Count(WrongSymbols)} of {Format.Count(Symbols)} symbols wrong, in {WrongSequences} of {Sequences} fresh sequences";

    /// <inheritdoc/>
    public override bool IsAsPromised => WrongSymbols == 0;
}
