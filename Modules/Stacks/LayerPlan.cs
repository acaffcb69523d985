namespace GpuTransformer.Modules;

/// <summary>What a layer of a stack is.</summary>
internal enum LayerKind
{
    SelfAttention,
    CrossAttention,
    FeedForward,
}

/// <summary>Which layers a stack has and in which order they run.</summary>
/// <param name="Layers">The layers, each with its own parameters.</param>
/// <param name="Order">Indices into <paramref name="Layers"/>, as they run.</param>
internal sealed record LayerPlan(List<LayerKind> Layers, int[] Order)
{
    public static LayerPlan Of(AttentionLayersOptions options)
    {
        List<LayerKind> block = Block(options);
        List<LayerKind> layers = options switch
        {
            { CustomLayers: { } custom }
                => [.. custom.Select(static name => name == "a" ? LayerKind.SelfAttention : name == "c" ? LayerKind.CrossAttention : LayerKind.FeedForward)],
            { ParRatio: { } ratio } => Par(block, options.Depth!.Value, ratio),
            { SandwichCoef: { } coefficient } => Sandwich(block, options.Depth!.Value, coefficient),
            { WeightTieLayers: true } => block,
            _ => Repeat(block, options.Depth!.Value),
        };
        int repeats = options.WeightTieLayers ? options.Depth ?? 1 : 1;
        IEnumerable<int> order = options.LayersExecuteOrder ?? Enumerable.Repeat(Enumerable.Range(0, layers.Count), repeats).SelectMany(static i => i);
        LayerPlan plan = new(layers, [.. order]);
        foreach (int index in plan.Order)
        {
            if (index < 0 || index >= layers.Count)
                throw new ArgumentException($"LayersExecuteOrder contains {index}, but the stack's layers are 0 to {layers.Count - 1}.", nameof(options));
        }

        return plan;
    }

    private static List<LayerKind> Block(AttentionLayersOptions options)
    {
        var block = new List<LayerKind>();
        if (options.Macaron)
            block.Add(LayerKind.FeedForward);
        if (!options.OnlyCross)
            block.Add(LayerKind.SelfAttention);
        if (options.CrossAttend)
            block.Add(LayerKind.CrossAttention);
        block.Add(LayerKind.FeedForward);
        return block;
    }

    private static List<LayerKind> Repeat(List<LayerKind> block, int times) => [.. Enumerable.Repeat(block, times).SelectMany(static b => b)];

    /// <summary>Press et al. 2019: attention gathers at the bottom, feedforwards at the top.</summary>
    private static List<LayerKind> Sandwich(List<LayerKind> block, int depth, int coefficient) =>
    [
        .. Enumerable.Repeat(LayerKind.SelfAttention, coefficient),
        .. Repeat(block, depth - coefficient),
        .. Enumerable.Repeat(LayerKind.FeedForward, coefficient),
    ];

    /// <summary>Mandava et al. 2020: as many layers in all, but fewer attentions, in the first two thirds.</summary>
    private static List<LayerKind> Par(List<LayerKind> block, int depth, int ratio)
    {
        int total = depth * block.Count, attentions = ratio < 1 ? 0 : total / ratio;
        if (ratio <= 1 || ratio > total || attentions == 0)
            throw new ArgumentException($"ParRatio = {ratio} must be greater than 1 and at most the number of layers, {total}.", nameof(ratio));
        List<LayerKind> attention = [.. block.Where(static kind => kind != LayerKind.FeedForward)];
        int cut = total * 2 / 3, width = (cut + cut / attentions) / attentions;
        if (attention.Count > width)
            throw new ArgumentException(
                $"ParRatio = {ratio} leaves {width} layers for a block's {attention.Count} attentions; choose a larger one.", nameof(ratio));
        List<LayerKind> head = [.. attention, .. Enumerable.Repeat(LayerKind.FeedForward, width - attention.Count)];
        List<LayerKind> layers = Repeat(head, attentions);
        layers.AddRange(Enumerable.Repeat(LayerKind.FeedForward, Math.Max(0, total - layers.Count)));
        return layers;
    }
}
