namespace GpuTransformer.Kernels;

/// <summary>A group's place in a grid of two axes that is launched as one: neighbouring numbers differ along the inner axis.</summary>
internal struct GroupPlace
{
    public int Outer;
    public int Inner;

    /// <summary>The place of group <paramref name="group"/>, the inner axis being <paramref name="length"/> long.</summary>
    public static GroupPlace Of(int group, int length)
    {
        int outer = group / length;
        return new GroupPlace { Outer = outer, Inner = group - outer * length };
    }
}
