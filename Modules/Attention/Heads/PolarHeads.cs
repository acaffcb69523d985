using GpuTransformer.Host;

namespace GpuTransformer.Modules;

/// <summary>
/// Polar position embedding, where the call has it: the softplus of each number of a query or key is a length, its position gives the angle, and the head
/// becomes [length · cos, length · sin], twice as wide.
/// </summary>
/// <remarks>Gopalakrishnan et al. 2025, "Decoupling the What and Where with Polar Coordinate Positional Embeddings".</remarks>
internal sealed record PolarHeads : IHeadsStage
{
    public Heads Prepare(Heads heads, AttentionPass pass) => pass.Inputs.Polar is not { } polar ? heads : heads with
    {
        Query = Turn(heads.Query, heads.QueryHeads, polar.QueryCosine, polar.QuerySine),
        Key = Turn(heads.Key, heads.KeyValueHeads, polar.KeyCosine, polar.KeySine),
    };

    private static Tensor Turn(Tensor rows, int heads, Tensor cosine, Tensor sine)
    {
        Tensor length = Operators.Softplus(HeadLayout.Parts(rows, heads).As(DType.Float32));
        return HeadLayout.Wider((length * cosine).Like(rows), (length * sine).Like(rows));
    }
}
