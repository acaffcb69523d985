using ILGPU;

namespace GpuTransformer.Kernels;

/// <summary>
/// y = x / (1 − p) with probability 1 − p, zero otherwise. Element 64 k + 16 w + j is decided by word w of counter 16 k + j, so that sixteen SIMD lanes, or
/// neighbouring threads, hold neighbouring elements; whether a word drops its element is an integer comparison and so the same on every device.
/// </summary>
internal struct DropoutPortable<TElement> : IGridKernel
    where TElement : unmanaged, IElement<TElement>
{
    /// <summary>Threads per group, four elements each.</summary>
    public const int GroupSize = 64;

    /// <summary>Elements that share sixteen counters.</summary>
    public const int Tile = 64;

    private const int Counters = 16;

    public ArrayView<TElement> Input;  // [count]
    public ArrayView<TElement> Output; // [count]
    public uint KeyA;    // the seed
    public uint KeyB;
    public uint StreamA; // tells draws of one seed apart
    public uint StreamB;
    public uint Threshold; // p · 2^32: words below it drop
    public float Scale;    // 1 / (1 − p)

    /// <inheritdoc/>
    public int FirstGroup { get; set; }

    /// <summary>How many groups the launch needs.</summary>
    public readonly long Groups => (Output.Length + 4 * GroupSize - 1) / (4 * GroupSize);

    /// <summary>Grid: count / (4 · <see cref="GroupSize"/>) groups, rounded up.</summary>
    public static void Kernel(DropoutPortable<TElement> p)
    {
        long counter = (long)(p.FirstGroup + Grid.IdxX) * GroupSize + Group.IdxX;
        long element = counter / Counters * Tile + counter % Counters;
        PhiloxWords words = Philox.Draw(new PhiloxWords((uint)counter, (uint)(counter >> 32), p.StreamA, p.StreamB), p.KeyA, p.KeyB);
        p.Write(element, words.X);
        p.Write(element + Counters, words.Y);
        p.Write(element + 2 * Counters, words.Z);
        p.Write(element + 3 * Counters, words.W);
    }

    private readonly void Write(long element, uint word)
    {
        if (element < Output.Length)
            Output[element] = TElement.FromSingle(word < Threshold ? 0f : TElement.ToSingle(Input[element]) * Scale);
    }
}
