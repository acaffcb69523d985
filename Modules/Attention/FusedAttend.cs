using GpuTransformer.Host;

namespace GpuTransformer.Modules;

/// <summary>
/// Attends without ever having the scores in memory: softmax(scale · q kᵀ + bias) v by one operator, whose backward computes the scores again.
/// </summary>
internal sealed class FusedAttend(AttentionOptions options)
{
    private readonly float _scale = QkNorm.Scale(options);

    /// <param name="heads">What to attend with.</param>
    /// <param name="scores">What belongs to the call: masks, bias, positions, and causality that the caller adds.</param>
    /// <returns>[batch, queries, heads · valueDim]</returns>
    public Tensor Forward(Heads heads, ScoreOptions scores) => Operators.Attention(heads.Query, heads.Key, heads.Value, (scores with
    {
        KeyValueHeads = options.KeyValueHeads,
        Scale = _scale,
        Causal = options.Causal ? CausalAlignment.BottomRight : scores.Causal,
        Window = options.MaxAttendPast,
        SoftClamp = options.SoftclampLogits ? options.LogitSoftclampValue : null,
        FreeColumns = options.FreeColumns,
    }).WithDropout(options.Dropout, heads.Query.Device));
}
