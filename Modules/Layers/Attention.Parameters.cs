using GpuTransformer.Host;

namespace GpuTransformer.Modules;

/// <content>The parameters and what follows from the options alone.</content>
public sealed partial class Attention
{
    /// <summary>As the other constructor, with parameters from <paramref name="initializer"/>: for a module that it is inside of.</summary>
    public Attention(AttentionOptions options, ParameterInitializer initializer)
        : base(initializer)
    {
        using ConstructionScope construction = Device.BeginConstruction();
        ArgumentNullException.ThrowIfNull(options);
        options.Validate();
        Options = options;
        (int heads, int keyHeads, int width) = (options.QueryHeads, options.KeyValueHeads, options.DimHead);
        Tensor? memoryKeys = null, memoryValues = null;
        if (options.NumMemKv > 0)
        {
            memoryKeys = AddParameter("mem_k", initializer.Normal([keyHeads, options.NumMemKv, width]));
            memoryValues = AddParameter("mem_v", initializer.Normal([keyHeads, options.NumMemKv, width]));
        }

        if (options.NumMemKv > 0 || options.AddZeroKv)
        {
            _memory = new MemoryKeyValues(options, memoryKeys, memoryValues, Device);
            AddConstant(_memory.Constant);
        }

        if (options.QkNorm)
        {
            float gain = MathF.Sqrt(MathF.Sqrt(width));
            _queryNorm = new HeadNorm(width / options.QkNormGroups, Gain("qk_norm_q_scale", heads, gain, initializer), 0f);
            _keyNorm = new HeadNorm(width / options.QkNormGroups, Gain("qk_norm_k_scale", keyHeads, gain, initializer), 0f);
        }

        Tensor? headScale = options.HeadScale ? AddParameter("head_scale_params", initializer.Constant([1, heads, 1, 1], 1f)) : null;
        _toQ = AddChild("to_q", new Linear(options.InputDim, options.QueryWidth, bias: false, initializer));
        _toK = AddChild("to_k", new Linear(options.SourceDim, options.KeyWidth, bias: false, initializer));
        _toV = AddChild("to_v", new Linear(options.SourceDim, options.ValueWidth, bias: false, initializer));
        if (options.QkRmsnorm)
            _queryRmsNorm = AddChild("q_rmsnorm", new MultiheadRmsNorm(heads, width, initializer));
        if (options.QkRmsnorm || options.KRmsnorm)
            _keyRmsNorm = AddChild("k_rmsnorm", new MultiheadRmsNorm(keyHeads, width, initializer));
        if (options.ValueRmsnorm)
            _valueRmsNorm = AddChild("value_rmsnorm", new MultiheadRmsNorm(keyHeads, width, initializer));
        _gates = new AttentionGates(
            options,
            options.GateValues ? AddChild("to_v_gate", new Linear(options.InputDim, options.MergedWidth, bias: false, initializer, zero: true)) : null,
            options.GateValueHeads ? AddChild("to_v_head_gate", AttentionGates.HeadGate(options, initializer)) : null,
            headScale,
            AddConstant(AttentionGates.CreateHeadOfChannel(options, Device)));
        if (options.HasOutputProjection)
            _toOut = AddOutput(initializer);
        _options = CreateOptions();
        construction.Complete();
    }

    private Tensor? Gain(string name, int heads, float initial, ParameterInitializer initializer)
        => Options.QkNormDimScale ? AddParameter(name, initializer.Constant([heads, 1, Options.DimHead], initial)) : null;

    private Linear AddOutput(ParameterInitializer initializer) => Options.OnAttn
        ? AddChild("to_out", new ModuleGroup(initializer)).Add("0", new Linear(Options.MergedWidth, 2 * Options.OutputDim, bias: false, initializer))
        : AddChild("to_out", new Linear(Options.MergedWidth, Options.OutputDim, bias: false, initializer, Options.ZeroInitOutput));

    /// <summary>What is the same in every call.</summary>
    private ScoreOptions CreateOptions()
    {
        // HeadNorm gives vectors √groupWidth times longer than unit ones, so the product of two is groupWidth times too large.
        float scale = 1f / MathF.Sqrt(Options.DimHead);
        if (Options.QkNorm)
            scale = (Options.QkNormDimScale ? scale : Options.QkNormScale) * Options.QkNormGroups / Options.DimHead;
        return new ScoreOptions
        {
            Heads = Options.QueryHeads,
            KeyValueHeads = Options.KeyValueHeads,
            Scale = scale,
            Causal = Options.Causal ? CausalAlignment.BottomRight : CausalAlignment.None,
            Window = Options.MaxAttendPast,
            SoftClamp = Options.SoftclampLogits ? Options.LogitSoftclampValue : null,
            FreeColumns = _memory?.Count ?? 0,
        };
    }
}
