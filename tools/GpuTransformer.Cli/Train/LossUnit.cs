namespace GpuTransformer.Cli.Train;

/// <summary>How a loss is shown to people; files and checkpoints hold it as it is.</summary>
/// <param name="Name">Of the number.</param>
/// <param name="Of">The number of a loss.</param>
internal sealed record LossUnit(string Name, Func<double, double> Of)
{
    /// <summary>The loss as it is.</summary>
    public static LossUnit Plain { get; } = new("loss", static loss => loss);
}
