using GpuTransformer.Host;

namespace GpuTransformer.Modules;

/// <summary>
/// Hides some tokens of a context at random, anew in each training step. Cross-attention knows no positions, so that what is hidden might as well not be there.
/// </summary>
internal static class ContextDropout
{
    /// <param name="context">[batch, length, dim]</param>
    /// <param name="mask">bool [batch, length]: what is visible before; null for all.</param>
    /// <param name="dropout">The share that is hidden of each sample's visible tokens; at least one stays.</param>
    /// <param name="random">What is drawn from.</param>
    /// <returns>bool [batch, length]</returns>
    public static Tensor Mask(Tensor context, Tensor? mask, float dropout, RandomStreams random)
    {
        (int batch, int length) = (context.Shape[0], context.Shape[1]);
        bool[]? before = mask?.ToBoolArray();
        var visible = new bool[batch * length];
        int most = Math.Max(1, (int)((1.0 - dropout) * length));
        for (int b = 0; b < batch; b++)
        {
            int[] places = [.. Enumerable.Range(b * length, length).Where(i => before?[i] ?? true)];
            int kept = Math.Min(most, (int)Math.Ceiling(places.Length * (1.0 - dropout)));
            for (int i = 0; i < kept; i++)
            {
                int other = Math.Min(places.Length - 1, i + (int)(random.NextUniform() * (places.Length - i)));
                (places[i], places[other]) = (places[other], places[i]);
                visible[places[i]] = true;
            }
        }

        return Tensor.From(context.Device, [batch, length], visible);
    }
}
