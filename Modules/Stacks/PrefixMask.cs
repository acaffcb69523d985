using GpuTransformer.Host;

namespace GpuTransformer.Modules;

/// <summary>Masks of pairs of query and key for a <see cref="PrefixDecoder"/>, made on the host.</summary>
internal static class PrefixMask
{
    /// <summary>bool [prefix lengths, 1, length, length]: true where key ≤ query or key &lt; prefix.</summary>
    public static Tensor Of(ComputeDevice device, long[] prefix, int length)
    {
        var visible = new bool[prefix.Length * length * length];
        for (int i = 0; i < visible.Length; i++)
        {
            int sample = i / (length * length), query = i / length % length, key = i % length;
            visible[i] = key <= query || key < prefix[sample];
        }

        return Tensor.From(device, [prefix.Length, 1, length, length], visible);
    }

    /// <summary>True where both are; each [batch|1, heads|1, queries|1, keys].</summary>
    public static Tensor Both(Tensor left, Tensor right)
    {
        int[] lengths = new int[4];
        for (int axis = 0; axis < 4; axis++)
            lengths[axis] = left.Shape[axis] == 1 ? right.Shape[axis] : left.Shape[axis];
        bool[] first = left.ToBoolArray(), second = right.ToBoolArray();
        var both = new bool[new Shape(lengths).Count];
        for (int i = 0; i < both.Length; i++)
            both[i] = first[Source(i, lengths, left.Shape)] && second[Source(i, lengths, right.Shape)];
        return Tensor.From(left.Device, lengths, both);
    }

    // Where element i of the broadcast shape comes from.
    private static int Source(int i, int[] lengths, Shape from)
    {
        int source = 0, step = 1;
        for (int axis = 3; axis >= 0; axis--)
        {
            int position = i % lengths[axis];
            i /= lengths[axis];
            source += from[axis] == 1 ? 0 : position * step;
            step *= from[axis];
        }

        return source;
    }
}
