namespace GpuTransformer.Kernels;

/// <summary>The order of each row on the processor: key and place as one number each, sorted in scratch memory; see <see cref="RankPortable"/>.</summary>
internal unsafe struct RankVectorized : IBlockKernel
{
    public float* Input;  // [outer, Length, Inner]
    public float* Values; // [outer, Count, Inner]
    public long* Indices; // [outer, Count, Inner]
    public long* Scratch; // [outer, Inner, Length]
    public int Length;
    public int Count;
    public int Inner;
    public int Descending;

    /// <summary>Block b is row b % Inner of outer b / Inner.</summary>
    public readonly void Execute(int block)
    {
        int outer = block / Inner, inner = block - outer * Inner;
        float* input = Input + (long)outer * Length * Inner + inner;
        var order = new Span<long>(Scratch + (long)block * Length, Length);
        for (int k = 0; k < order.Length; k++)
            order[k] = ((long)RankOrder.SortKey(input[(long)k * Inner], Descending, 0) << 32) | (uint)k;
        order.Sort();
        long output = (long)outer * Count * Inner + inner;
        for (int rank = 0; rank < Count; rank++, output += Inner)
        {
            int k = (int)(uint)order[rank];
            Values[output] = input[(long)k * Inner];
            Indices[output] = k;
        }
    }
}
