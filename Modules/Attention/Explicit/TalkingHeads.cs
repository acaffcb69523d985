using GpuTransformer.Host;

namespace GpuTransformer.Modules;

/// <summary>Talking heads: what each head has becomes a mixture of what all have, by a learned matrix.</summary>
/// <param name="Matrix">[heads, heads, 1, 1]</param>
/// <remarks>Shazeer et al. 2020.</remarks>
internal sealed record TalkingHeads(Tensor Matrix)
{
    /// <param name="perHead">[batch, heads, queries, keys]</param>
    public Tensor Mix(Tensor perHead)
    {
        (int batch, int heads) = (perHead.Shape[0], perHead.Shape[1]);
        Tensor mixed = Operators.BatchedMatrixMultiply(
            Matrix.Like(perHead).Reshape([heads, heads]), perHead.Reshape([batch, heads, checked(perHead.Shape[2] * perHead.Shape[3])]));
        return mixed.Reshape(perHead.Shape);
    }
}
