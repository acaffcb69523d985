using GpuTransformer.Host;

namespace GpuTransformer.Modules;

/// <summary>
/// DynamicPosBias: a small network makes a number per head of the distance from key to query (with DynamicPosBiasLogDistance, of sign · ln(|distance| + 1)),
/// dim / 4 wide, with SiLU and, with DynamicPosBiasNorm, norms. Keys: <c>mlp.&lt;i&gt;.0.…</c>, <c>mlp.&lt;i&gt;.1.…</c> for the norms,
/// <c>mlp.&lt;last&gt;.…</c>.
/// </summary>
/// <remarks>Wang et al. 2021, "CrossFormer"; log distance: Liu et al. 2021, "Swin Transformer V2".</remarks>
internal sealed class DynamicBias : Module, IDistanceBias
{
    private readonly List<(Linear Linear, Norm? Norm)> _layers = [];
    private readonly Linear _last;
    private readonly bool _isLogarithmic;

    public DynamicBias(AttentionLayersOptions options, ParameterInitializer initializer)
        : base(initializer)
    {
        using StepScope construction = Device.BeginConstruction();
        _isLogarithmic = options.DynamicPosBiasLogDistance;
        (int width, int depth) = (options.Dim / 4, options.DynamicPosBiasMlpDepth);
        ModuleGroup mlp = AddChild("mlp", new ModuleGroup(initializer));
        for (int layer = 0; layer < depth; layer++)
        {
            ModuleGroup group = mlp.Add($"{layer}", new ModuleGroup(initializer));
            Linear linear = group.Add("0", new Linear(layer == 0 ? 1 : width, width, bias: true, initializer));
            Norm? norm = !options.DynamicPosBiasNorm ? null
                : layer == 0 ? group.Add("1", new LayerNorm(width, unitOffset: false, initializer))
                : group.Add("1", new AffineLayerNorm(width, bias: true, initializer));
            _layers.Add((linear, norm));
        }

        _last = mlp.Add($"{depth}", new Linear(width, options.Heads, bias: true, initializer));
        construction.Complete();
    }

    /// <inheritdoc/>
    public ScoreOptions Add(ScoreOptions scores, int queries, int keys)
    {
        // Distances from the last query to the first key down to those from the first query to the last key.
        int back = keys - 1, span = back + queries;
        float[] distances = [.. Enumerable.Range(0, span).Select(i => Of(back - i))];
        Tensor x = Computed(Tensor.From(Device, [span, 1], distances, DType));
        foreach ((Linear linear, Norm? norm) in _layers)
            x = norm is null ? linear.Forward(x, Activation.Silu) : Operators.Activate(norm.Forward(linear.Forward(x)), Activation.Silu);
        return DistanceTable.Add(scores, _last.Forward(x).As(DType.Float32).Transpose(0, 1), back);
    }

    /// <inheritdoc/>
    public override Tensor Invoke(CallArguments arguments) => throw new NotSupportedException("Positions belong to a stack; call the stack.");

    private float Of(int distance) => _isLogarithmic ? MathF.Sign(distance) * MathF.Log(Math.Abs(distance) + 1f) : distance;
}
