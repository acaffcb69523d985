using GpuTransformer.Host;
using GpuTransformer.Modules;

namespace GpuTransformer.Cli.Train.Recall;

/// <summary>One cross-attention block: keys are asked at the model's width, pairs of keys and values are attended at the context's.</summary>
internal sealed class RecallModel : Module
{
    private readonly Tensor _query;        // [keys, dim]
    private readonly Tensor _contextKey;   // [keys, contextDim]
    private readonly Tensor _contextValue; // [values, contextDim]
    private readonly CrossAttender _attender;
    private readonly Linear _toLogits;

    public RecallModel(RecallSettings settings, ParameterInitializer initializer)
        : base(initializer)
    {
        _query = AddParameter("query", initializer.Normal([settings.Keys, settings.Dim]));
        _contextKey = AddParameter("context_key", initializer.Normal([settings.Keys, settings.ContextDim]));
        _contextValue = AddParameter("context_value", initializer.Normal([settings.Values, settings.ContextDim]));
        _attender = AddChild("attender", new CrossAttender(
            new AttentionLayersOptions { Dim = settings.Dim, Depth = 1, Heads = settings.Heads,
                CrossAttn = new() { DimHead = settings.DimHead, DimContext = settings.ContextDim } }, initializer));
        _toLogits = AddChild("to_logits", new Linear(settings.Dim, settings.Values, bias: true, initializer));
    }

    /// <summary>Scores for the value of each key asked for.</summary>
    /// <param name="asked">Int32 [batch, n]</param>
    /// <param name="keys">Int32 [batch, pairs]</param>
    /// <param name="values">Int32 [batch, pairs]</param>
    /// <param name="contextMask">Bool [batch, pairs]: which pairs count; null for all.</param>
    /// <returns>[batch, n, values]</returns>
    public Tensor Forward(Tensor asked, Tensor keys, Tensor values, Tensor? contextMask = null)
    {
        using InferenceScope scope = InferenceScope.Begin(Device);
        Tensor context = Operators.Add(Operators.Embedding(_contextKey, keys), Operators.Embedding(_contextValue, values));
        return scope.Keep(_toLogits.Forward(_attender.Forward(Operators.Embedding(_query, asked), context, contextMask: contextMask)));
    }
}
