namespace GpuTransformer.Modules;

/// <summary>The parameters of one part of a model.</summary>
/// <param name="Path">Its path in the <c>state_dict</c>.</param>
/// <param name="Kind">What it is: the class, or for a layer what the layer does.</param>
/// <param name="Tensors">How many parameter tensors it has.</param>
/// <param name="Parameters">How many numbers they hold.</param>
public sealed record ParameterFacts(string Path, string Kind, int Tensors, long Parameters);

/// <summary>How one attention of a model attends.</summary>
/// <param name="Path">Its path in the <c>state_dict</c>; empty for the module itself.</param>
/// <param name="IsFused">Whether it never has its scores in memory.</param>
/// <param name="NeedScores">The options for which it has; none where it is fused.</param>
public sealed record AttentionFacts(string Path, bool IsFused, IReadOnlyList<string> NeedScores);

/// <summary>What a model consists of and costs.</summary>
public static class ModelFacts
{
    /// <summary>The parameters part by part: of a stack, each layer and the final norm; of another module, each module inside.</summary>
    public static IReadOnlyList<ParameterFacts> Parameters(Module module)
    {
        ArgumentNullException.ThrowIfNull(module);
        var facts = new List<ParameterFacts>();
        foreach ((string name, Module child) in module.Children)
        {
            if (child is Attend && child.ParameterCount == 0)
                continue;
            if (module is AttentionLayers && child is ModuleGroup { Children.Count: > 0 } layers && name == "layers")
                facts.AddRange(layers.Children.Select(layer => Facts($"{name}.{layer.Name}", layer.Value)));
            else
                facts.Add(Facts(name, child));
        }

        int inside = facts.Sum(static f => f.Tensors);
        (string Name, Host.Tensor Value)[] all = [.. module.NamedParameters()];
        if (all.Length > inside)
            facts.Insert(
                0, new ParameterFacts("(own)", module.GetType().Name, all.Length - inside, module.ParameterCount - facts.Sum(static f => f.Parameters)));
        return facts;
    }

    /// <summary>
    /// What a context of another width than the model adds to the parameters: for each cross-attention layer (CrossAttn.DimContext − Dim) · (key width + value
    /// width). Negative where the context is narrower.
    /// </summary>
    public static long RectangularParameters(AttentionLayersOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        if (!options.CrossAttend)
            return 0;
        AttentionOptions cross = options.CrossAttention();
        int layers = LayerPlan.Of(options).Layers.Count(static kind => kind == LayerKind.CrossAttention);
        return (long)(cross.SourceDim - options.Dim) * (cross.KeyWidth + cross.ValueWidth) * layers;
    }

    /// <summary>How a model attends, attention by attention: fused, or by which options with its scores in memory.</summary>
    public static IReadOnlyList<AttentionFacts> Attentions(Module module)
    {
        ArgumentNullException.ThrowIfNull(module);
        var facts = new List<AttentionFacts>();
        Add(module, string.Empty);
        return facts;

        void Add(Module inside, string path)
        {
            if (inside is Attention attention)
                facts.Add(new AttentionFacts(path, attention.IsFused, attention.Options.NeedScores));
            else if (inside is Attend attend)
                facts.Add(new AttentionFacts(path, attend.IsFused, attend.Options.NeedScores));
            else
                foreach ((string name, Module child) in inside.Children)
                    Add(child, path.Length == 0 ? name : $"{path}.{name}");
        }
    }

    private static ParameterFacts Facts(string path, Module module) => new(
        path,
        module is TransformerLayer layer ? Describe(layer.Kind) : module.GetType().Name,
        module.NamedParameters().Count(),
        module.ParameterCount);

    private static string Describe(LayerKind kind) => kind switch
    {
        LayerKind.SelfAttention => "self-attention",
        LayerKind.CrossAttention => "cross-attention",
        _ => "feedforward",
    };
}
