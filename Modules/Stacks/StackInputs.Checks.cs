using GpuTransformer.Host;

namespace GpuTransformer.Modules;

/// <content>What can be wrong with positions, memories and the order of layers.</content>
public partial record StackInputs
{
    private void CheckPositions(AttentionLayers stack, Tensor x)
    {
        AttentionLayersOptions options = stack.Options;
        bool hasBias = options.AlibiPosBias || options.RelPosBias || options.DynamicPosBias;
        if (AttnBias is not null && hasBias)
        {
            string name = options.AlibiPosBias ? nameof(options.AlibiPosBias)
                : options.RelPosBias ? nameof(options.RelPosBias) : nameof(options.DynamicPosBias);
            throw ForwardChecks.Wrong("attnBias", $"'attnBias' is a second position bias beside {name}; give one of them.");
        }

        if (Pos is not null && !options.ReadsPositions)
            throw ForwardChecks.Wrong(
                "pos",
                "'pos' was passed, but the model has no position bias that would read it: set AlibiPosBias = true, or RotaryPosEmb or PolarPosEmb.");
        if (Pos is not null && (options.RelPosBias || options.DynamicPosBias))
            throw ForwardChecks.Wrong("pos", "'pos' was passed, but RelPosBias and DynamicPosBias know the distance of keys in the sequence only.");
        if (Pos is not null && MemoryLength > 0 && options.AlibiPosBias)
            throw ForwardChecks.Wrong("pos", "'pos' was passed, but 'mems' stand before the sequence, and ALiBi would need positions for them too.");
        if (ContextPos is null)
            return;
        if (!options.HasRotary || Context is null)
            throw ForwardChecks.Wrong(
                "contextPos", "'contextPos' was passed, but nothing would read it: it is for rotary positions in cross-attention (RotaryPosEmb, CrossAttend).");
        ForwardChecks.OnDevice(stack, ContextPos, "contextPos");
    }

    private void CheckCache(AttentionLayers stack, Tensor x)
    {
        if (Cache is null)
            return;
        AttentionLayersOptions options = stack.Options;
        if (stack.WhyNotCached is { } why)
            throw ForwardChecks.Wrong("cache", $"'cache' was passed, but {why}.");
        if (Pos is not null && options.AlibiPosBias)
            throw ForwardChecks.Wrong("pos", "'pos' was passed with a 'cache', but ALiBi would need the positions of all keys; leave it out.");
        if (Mems is not null && Cache.Length > 0)
            throw ForwardChecks.Wrong("mems", "'mems' was passed, but the cache holds positions already; memories stand before the first of them.");
        if (stack.Device.IsRecording)
            throw new InvalidOperationException("A cache is for inference: it keeps no way back for gradients. Pause recording (NoGradient), or leave it out.");
        Cache.Begin(x);
    }

    private void CheckMemories(AttentionLayers stack, Tensor x)
    {
        if (Mems is null)
        {
            if (MemMasks is not null)
                throw ForwardChecks.Wrong("memMasks", "'memMasks' was passed, but there are no 'mems'.");
            return;
        }

        int attentions = Order(LayerPlan.Of(stack.Options), stack.Options).Count(stack.IsSelfAttention);
        if (Mems.Count > attentions)
            throw ForwardChecks.Wrong("mems", $"'mems' has {Mems.Count} memories, but {attentions} self-attentions run.");
        if (MemMasks is not null && MemMasks.Count != Mems.Count)
            throw ForwardChecks.Wrong("memMasks", $"'memMasks' has {MemMasks.Count} masks for {Mems.Count} 'mems'; give one for each, or null.");
        if (stack.Options.NumResidualStreams > 1)
            throw ForwardChecks.Wrong("mems", "'mems' was passed, but with NumResidualStreams above 1 no single stream is remembered.");
        if (stack.Options.AddValueResidual && stack.Options.LearnedValueResidualMix)
            throw ForwardChecks.Wrong("mems", "'mems' was passed, but LearnedValueResidualMix mixes values of the sequence's own positions alone.");
        if ((stack.Options.AttnEach ?? [stack.Options.Attn]).Any(static a => a.DataDependentAlibi))
            throw ForwardChecks.Wrong("mems", "'mems' was passed, but DataDependentAlibi knows how the sequence's own positions are forgotten, and no others.");
        Shape wanted = [x.Shape[0], MemoryLength, x.Shape[2]];
        for (int i = 0; i < Mems.Count; i++)
        {
            if (Mems[i] is not { } memory)
                continue;
            ForwardChecks.Input(stack, memory, stack.Options.Dim, "mems");
            if (memory.Shape != wanted)
                throw ForwardChecks.Wrong(
                    "mems", $"'mems[{i}]' has shape {memory.Shape}, but beside 'x' {x.Shape} and the other memories it needs {wanted}.");
            ForwardChecks.Mask(stack, MemMasks?[i], wanted[0], wanted[1], "memory", "memMasks");
        }
    }

    private void CheckLayers(AttentionLayers stack, Tensor x)
    {
        AttentionLayersOptions options = stack.Options;
        if (RepeatBlocks is { Count: > 0 } && (LayersExecuteOrder is not null || options.CustomLayers is not null || options.ParRatio is not null
            || options.SandwichCoef is not null || options.WeightTieLayers || options.Depth is null))
        {
            throw ForwardChecks.Wrong(
                "repeatBlocks", "'repeatBlocks' was passed, but only plain blocks can be repeated, and not together with 'layersExecuteOrder'.");
        }

        int count = LayersExecuteOrder is null ? 0 : LayerPlan.Of(options).Layers.Count;
        foreach (int index in LayersExecuteOrder ?? [])
        {
            if (index < 0 || index >= count)
                throw ForwardChecks.Wrong("layersExecuteOrder", $"'layersExecuteOrder' contains {index}, but the stack's layers are 0 to {count - 1}.");
        }

        if (InAttnCond is null)
            return;
        if (options.ReinjectInput)
            throw ForwardChecks.Wrong("inAttnCond", "'inAttnCond' was passed, but ReinjectInput adds the input itself to every layer; choose one.");
        ForwardChecks.Condition(stack, InAttnCond, x, options.Dim, "inAttnCond");
    }
}
