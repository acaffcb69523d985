using System.ComponentModel;

namespace GpuTransformer.Cli.Train.Recall;

/// <summary>What <c>train recall</c> does; the defaults are a run of less than a minute on four cores.</summary>
internal sealed record RecallSettings : TrainingSettings
{
    public RecallSettings()
    {
        Steps = 500;
        LearningRate = 2e-3;
    }

    [Description("different keys")]
    public int Keys { get; init; } = 64;

    [Description("different values")]
    public int Values { get; init; } = 16;

    [Description("pairs of a key and a value in a context; no key twice")]
    public int Pairs { get; init; } = 32;

    [Description("the context's width")]
    public int ContextDim { get; init; } = 96;

    [Description("the model's width")]
    public int Dim { get; init; } = 64;

    [Description("heads of the cross-attention")]
    public int Heads { get; init; } = 4;

    [Description("the width of a head")]
    public int DimHead { get; init; } = 32;

    [Description("fresh contexts that are looked up in at the end")]
    [MayChange]
    public int EvaluationContexts { get; init; } = 512;

    /// <inheritdoc/>
    public override void Check()
    {
        base.Check();
        Between(2, Values, MaxCount, "values");
        Between(1, ContextDim, MaxWidth, "context_dim");
        Between(1, Dim, MaxWidth, "dim");
        Between(1, Heads, MaxDepth, "heads");
        Between(1, DimHead, MaxWidth, "dim_head");
        Between(1, EvaluationContexts, MaxCount, "evaluation_contexts");
        Between(1, Keys, MaxCount, "keys");
        Require(Pairs >= 1 && Pairs <= Keys, $"pairs is {Pairs}, but must be from 1 to the {Keys} keys.");
    }
}
