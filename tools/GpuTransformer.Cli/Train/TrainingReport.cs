using System.Text.Json.Nodes;
using System.Text.Json.Serialization;

namespace GpuTransformer.Cli.Train;

/// <summary>What <c>train … --json</c> writes: a task's own figures, and those that every run has, which the session fills in.</summary>
internal abstract record TrainingReport
{
    /// <summary>The task's figures in a sentence.</summary>
    [JsonIgnore]
    public abstract string Summary { get; }

    /// <summary>What is shown of the result below the summary; null for nothing.</summary>
    [JsonIgnore]
    public virtual string? Illustration => null;

    /// <summary>Whether the result is what the command promises, where it promises one.</summary>
    [JsonIgnore]
    public virtual bool IsAsPromised => true;

    public long Steps { get; init; }

    public long SkippedSteps { get; init; }

    /// <summary>The last step's training loss.</summary>
    public double FinalLoss { get; init; }

    public long Parameters { get; init; }

    /// <summary>Of this process: a resumed run counts from its own start.</summary>
    public double Seconds { get; init; }

    /// <summary>Of the training steps alone, resumed ones included.</summary>
    public double TokensPerSecond { get; init; }

    public long PeakBytes { get; init; }

    public string Device { get; init; } = string.Empty;

    public JsonNode? Settings { get; init; }
}
