using System.Runtime.Intrinsics;

namespace GpuTransformer.Kernels;

/// <summary>Dropout with SIMD, sixteen counters at a time; see <see cref="DropoutPortable{TElement}"/>.</summary>
internal unsafe struct DropoutVectorized<TElement> : IBlockKernel
    where TElement : unmanaged, IElement<TElement>
{
    private const int Tile = DropoutPortable<TElement>.Tile;

    public TElement* Input;  // [count]
    public TElement* Output; // [count]
    public long Count;
    public int ElementsPerBlock; // a whole number of tiles
    public uint KeyA;
    public uint KeyB;
    public uint StreamA;
    public uint StreamB;
    public uint Threshold; // p · 2^32: words below it drop
    public float Scale;    // 1 / (1 − p)

    /// <summary>How many blocks the launch needs.</summary>
    public readonly int Blocks => checked((int)((Count + ElementsPerBlock - 1) / ElementsPerBlock));

    public readonly void Execute(int block)
    {
        long start = (long)block * ElementsPerBlock, end = Math.Min(Count, start + ElementsPerBlock);
        for (long element = start; element < end; element += Tile)
        {
            // Counters of a tile differ in their lower word only: a tile starts at a multiple of sixteen.
            long counter = element / Tile * ElementVector.Width;
            Vector512<uint> lower = Vector512.Create((uint)counter) + Vector512<uint>.Indices;
            PhiloxVectors words = Philox.Draw(
                new PhiloxVectors(lower, Vector512.Create((uint)(counter >> 32)), Vector512.Create(StreamA), Vector512.Create(StreamB)), KeyA, KeyB);
            Write(element, end, words.X);
            Write(element + ElementVector.Width, end, words.Y);
            Write(element + 2 * ElementVector.Width, end, words.Z);
            Write(element + 3 * ElementVector.Width, end, words.W);
        }
    }

    private readonly void Write(long element, long end, Vector512<uint> words)
    {
        if (element >= end)
            return;
        int lanes = (int)Math.Min(ElementVector.Width, end - element);
        Vector512<float> kept = Vector512.GreaterThanOrEqual(words, Vector512.Create(Threshold)).AsSingle();
        ElementVector.Store(kept & (ElementVector.Load(Input + element, lanes) * Vector512.Create(Scale)), Output + element, lanes);
    }
}
