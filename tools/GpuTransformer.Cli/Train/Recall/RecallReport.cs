using GpuTransformer.Cli.Reporting;

namespace GpuTransformer.Cli.Train.Recall;

/// <summary>What <c>train recall</c> came to, on fresh contexts.</summary>
internal sealed record RecallReport : TrainingReport
{
    public int WrongAnswers { get; init; }

    public int Answers { get; init; }

    /// <summary>How many hidden pairs were appended to every context, one number after the other.</summary>
    public IReadOnlyList<int> Paddings { get; init; } = [];

    /// <summary>Scores, over all paddings, in which a single bit differs from those without padding and without a mask.</summary>
    public int PaddingChangesBits { get; init; }

    public double PaddingMaxDifference { get; init; }

    /// <inheritdoc/>
    public override string Summary => string.Create(
        System.Globalization.CultureInfo.InvariantCulture,
        $"{Format.Count(WrongAnswers)} of {Format.Count(Answers)} answers wrong; {string.Join(", ", Paddings)} "
        + $"padding keys change {PaddingChangesBits} scores, by {PaddingMaxDifference} at most");

    /// <inheritdoc/>
    public override bool IsAsPromised => WrongAnswers == 0 && PaddingChangesBits == 0;
}
