using GpuTransformer.Host;

namespace GpuTransformer.Modules;

/// <summary>
/// The mean over the visible positions of a sequence. It is attention whose scores are all equal, and is computed as such: the mask, the gradient, and zero
/// where nothing is visible come with it.
/// </summary>
internal static class MeanPooling
{
    private const int ScoreDim = 4;

    /// <param name="x">[batch, sequence, dim]</param>
    /// <param name="mask">bool [batch, sequence], or null for all.</param>
    /// <returns>[batch, dim]</returns>
    public static Tensor Over(Tensor x, Tensor? mask = null)
    {
        (int batch, int length, int dim) = (x.Shape[0], x.Shape[1], x.Shape[2]);
        Tensor query = Tensor.Zeros(x.Device, [batch, 1, ScoreDim], x.DType), key = Tensor.Zeros(x.Device, [batch, length, ScoreDim], x.DType);
        return Operators.Attention(query, key, x, new ScoreOptions { Heads = 1, KeyMask = mask }).Reshape([batch, dim]);
    }
}
