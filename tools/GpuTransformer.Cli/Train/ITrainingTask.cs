using GpuTransformer.Host;
using GpuTransformer.Modules;

namespace GpuTransformer.Cli.Train;

/// <summary>
/// Something to learn: a model, its batches, and how good the result is. The loop, the files and the terminal are <see cref="TrainingSession"/>'s.
/// </summary>
internal interface ITrainingTask : IDisposable
{
    /// <summary>What is learned, for people.</summary>
    string Title { get; }

    /// <summary>The model that is trained.</summary>
    Module Model { get; }

    /// <summary>Tokens that one step trains on.</summary>
    long TokensPerStep { get; }

    /// <summary>
    /// The loss of step number <paramref name="step"/>, on a batch that depends on the seed and that number alone: a resumed run sees what an uninterrupted one
    /// would.
    /// </summary>
    Tensor Loss(long step);

    /// <summary>How the loss is shown.</summary>
    LossUnit LossUnit => LossUnit.Plain;

    /// <summary>What a person who watches is told after so many steps; null for nothing.</summary>
    string? Remark(long steps) => null;

    /// <summary>Measures the model on examples that training never sees.</summary>
    TrainingReport Evaluate();

    /// <summary>Whether a run can be continued with what this task has now.</summary>
    /// <param name="output">The run's folder, with what <see cref="Illustrate"/> wrote into it.</param>
    /// <exception cref="UsageException">It learned from something else.</exception>
    void CheckResumed(DirectoryInfo output)
    {
    }

    /// <summary>Writes what can be seen of the model now, pictures for instance, where there is something to see.</summary>
    void Illustrate(DirectoryInfo output);
}
