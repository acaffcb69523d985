using GpuTransformer.Host;

namespace GpuTransformer.Modules;

/// <content>What can be wrong with prompts.</content>
public sealed partial class AutoregressiveWrapper
{
    private void CheckGeneration(TokenInputs prompts, int length, GenerationOptions options, Tensor? promptLens)
    {
        prompts.Check(Net);
        options.Validate(Net.Options.NumTokens);
        OptionChecks.NotNegative(length, nameof(length));
        if (prompts.Length < 1)
            throw ForwardChecks.Wrong(
                "prompts", $"'prompts' has shape {prompts.Ids.Shape}, but the first token needs something to follow: give a start token.");
        var possible = new TokenInputs(prompts.Ids)
        {
            Context = prompts.Context,
            ContextMask = prompts.ContextMask,
            SeqStartPos = prompts.SeqStartPos,
            PrependEmbeds = prompts.PrependEmbeds,
            PrependMask = prompts.PrependMask,
            RecycleSteps = prompts.RecycleSteps,
            LoopedSteps = prompts.LoopedSteps,
        };
        if (prompts != possible)
            throw ForwardChecks.Wrong(
                "prompts",
                "Only Context, ContextMask, SeqStartPos, PrependEmbeds, PrependMask, RecycleSteps and LoopedSteps can go with prompts: "
                + "whatever belongs to single tokens is not there for the written ones.");
        if (Net.Positions?.Count is { } count && prompts.Length + length - 1 > count)
            throw ForwardChecks.Wrong("length", $"{prompts.Length} tokens of prompt and {length} to write exceed the model's positions, MaxSeqLen = {count}.");
        if (promptLens is null)
            return;
        if (prompts.SeqStartPos is not null)
            throw ForwardChecks.Wrong("promptLens", "'promptLens' is for right-padded prompts, SeqStartPos for left-padded ones; give one of them.");
        SequenceMasks.CheckLens(this, promptLens, prompts.Batch);
    }
}
