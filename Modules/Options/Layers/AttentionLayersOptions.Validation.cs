namespace GpuTransformer.Modules;

public sealed partial record AttentionLayersOptions
{
    // Far above any model, and built in well under a second where they are narrow.
    private const int MostLayers = 10_000;

    internal void Validate()
    {
        OptionChecks.Ranges(this);
        if (ResidualFnKwargs is not null)
            OptionChecks.Ranges(ResidualFnKwargs);
        foreach (float slope in RelPosKwargs?.Slopes ?? [])
            OptionChecks.Finite(slope, nameof(RelPosKwargs.Slopes));
        ValidateLayers();
        ValidateCounts();
        ValidateBranches();
        ValidateNorms();
        ValidatePositions();
        ValidateStreams();
    }

    private void ValidateLayers()
    {
        if (Depth is null && CustomLayers is null)
            throw new ArgumentException("Depth, the number of blocks, is missing; only CustomLayers makes it unnecessary.", nameof(Depth));
        if (OnlyCross && !CrossAttend)
            throw new ArgumentException("OnlyCross leaves cross-attention as the only attention and needs CrossAttend = true.", nameof(OnlyCross));
        OptionChecks.AtMostOne(
            (CustomLayers is not null, nameof(CustomLayers)), (SandwichCoef is not null, nameof(SandwichCoef)), (ParRatio is not null, nameof(ParRatio)));
        if (SandwichCoef is { } coefficient && (coefficient <= 0 || coefficient > Depth))
            throw new ArgumentException($"SandwichCoef = {coefficient} must lie between 1 and Depth = {Depth}.", nameof(SandwichCoef));
        foreach (string layer in CustomLayers ?? [])
        {
            if (layer is not ("a" or "c" or "f"))
                throw new ArgumentException(
                    $"CustomLayers contains '{layer}'; layers are 'a' (self-attention), 'c' (cross-attention) and 'f' (feedforward).", nameof(CustomLayers));
            if (layer == "c" && !CrossAttend)
                throw new ArgumentException("CustomLayers contains 'c' (cross-attention), which needs CrossAttend = true.", nameof(CustomLayers));
        }
    }

    private void ValidateCounts()
    {
        int block = (OnlyCross ? 0 : 1) + (CrossAttend ? 1 : 0) + (Macaron ? 2 : 1);
        long layers = CustomLayers?.Count ?? (long)block * (Depth ?? 1);
        if (layers > MostLayers)
        {
            throw new ArgumentException(
                CustomLayers is null
                    ? $"Depth = {Depth} makes {layers} layers, {block} in each block; a stack has at most {MostLayers}."
                    : $"CustomLayers has {layers} layers; a stack has at most {MostLayers}.",
                CustomLayers is null ? nameof(Depth) : nameof(CustomLayers));
        }

        if (LayersExecuteOrder is { Count: > MostLayers })
            throw new ArgumentException(
                $"LayersExecuteOrder runs {LayersExecuteOrder.Count} layers; a stack runs at most {MostLayers}.", nameof(LayersExecuteOrder));
        if (WeightTieLayers && CustomLayers is not null && layers * (Depth ?? 1) > MostLayers)
            throw new ArgumentException($"Depth = {Depth} runs {layers} layers each time, {layers * Depth}; a stack runs at most {MostLayers}.", nameof(Depth));
    }

    private void ValidateNorms()
    {
        OptionChecks.AtMostOne(
            (UseRmsnorm, nameof(UseRmsnorm)),
            (UseScalenorm, nameof(UseScalenorm)),
            (UseSimpleRmsnorm, nameof(UseSimpleRmsnorm)),
            (UseDynamicTanh, nameof(UseDynamicTanh)),
            (UseDerf, nameof(UseDerf)),
            (CustomNorm is not null, nameof(CustomNorm)),
            (UseAdaptiveLayernorm, nameof(UseAdaptiveLayernorm)),
            (UseAdaptiveRmsnorm, nameof(UseAdaptiveRmsnorm)));
        OptionChecks.AtMostOne((UseLayerscale, nameof(UseLayerscale)), (UseAdaptiveLayerscale, nameof(UseAdaptiveLayerscale)));
        if (SandwichNorm && !PreNorm)
            throw new ArgumentException("SandwichNorm adds to a pre-norm stack and needs PreNorm = true.", nameof(SandwichNorm));
        OptionChecks.Product(
            ConditionDim,
            AdaptiveConditionMlp ? AdaptiveConditionMlpExpansion : 1,
            $"{nameof(DimCondition)} * {nameof(AdaptiveConditionMlpExpansion)}",
            nameof(DimCondition));
        OptionChecks.Product(Dim, GateResidual ? 3 : 1, $"three times {nameof(Dim)}", nameof(Dim));
        if (!NeedsCondition && (DimCondition is not null || AdaptiveConditionMlp))
            throw new ArgumentException(
                "DimCondition and AdaptiveConditionMlp describe a condition, but nothing uses one: switch on an adaptive norm or layerscale.",
                nameof(DimCondition));
    }
}
