using System.Runtime.CompilerServices;

namespace GpuTransformer.Kernels;

/// <summary>
/// First stage of the gradient of a table of biases by distance: for each head the sum of dS over all pairs that are equally far apart, in parts, each of which
/// is the work of one block, in order, over its share of the samples' queries. dS is recomputed tile by tile; nothing as large as the scores exists and nothing
/// is added atomically.
/// </summary>
internal unsafe struct FlashBackwardDistanceVectorized<TElement> : ILaneKernel
    where TElement : unmanaged, IElement<TElement>
{
    public FlashBackwardTensors<TElement> Tensors;
    public float* Sums; // [parts, heads, queries + keys − 1]: the pair of query i and key j counts at i − j + keys − 1
    public int Parts;

    /// <summary>How many blocks there are.</summary>
    public readonly int Blocks => checked(Parts * Tensors.Shape.Heads);

    public readonly int Lanes => Tensors.RowsPerBlock;

    public void Execute(int block) => LaneKernel.Execute(ref this, block);

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public readonly void Run<TSimd, TVector>(int block)
        where TSimd : struct, ISimd<TVector>
        where TVector : unmanaged
    {
        AttentionShape shape = Tensors.Shape;
        int lanes = Tensors.RowsPerBlock, blocksPerHead = Tensors.BlocksPerHead(shape.Queries), distances = shape.Queries + shape.Keys - 1;
        bool widens = typeof(TElement) != typeof(Float32);
        int bytes = new FlashScratch(null, shape, lanes, widens, FlashPass.QueryGradient).Bytes;
        byte* memory = stackalloc byte[bytes + FlashScratch.Alignment];
        var scratch = new FlashScratch(FlashScratch.Align(memory), shape, lanes, widens, FlashPass.QueryGradient);

        int part = block / shape.Heads, head = block % shape.Heads;
        long all = (long)shape.Batch * blocksPerHead, end = all * (part + 1) / Parts;
        float* sums = Sums + (long)block * distances;
        new Span<float>(sums, distances).Clear();
        for (long n = all * part / Parts; n < end; n++)
            Add<TSimd, TVector>(scratch, (int)(n / blocksPerHead), head, (int)(n % blocksPerHead) * lanes, sums);
    }

    // What the queries of one block of one sample add.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private readonly void Add<TSimd, TVector>(in FlashScratch scratch, int batch, int head, int firstQuery, float* sums)
        where TSimd : struct, ISimd<TVector>
        where TVector : unmanaged
    {
        AttentionShape shape = Tensors.Shape;
        var rules = new AttentionHead(shape, Tensors.Rules, Tensors.Arrays, batch, head);
        int queries = Math.Min(scratch.Lanes, shape.Queries - firstQuery), end = Tensors.Rules.KeyEnd(shape, firstQuery + queries - 1);
        Tensors.PackQueries(scratch, rules, batch, head, firstQuery, queries);
        for (int key = rules.Sight.SkipBeforeWindow(0, firstQuery); key < end;)
        {
            int keys = Math.Min(FlashScratch.Tile, end - key);
            int count = Tensors.ScoreGradients<TSimd, TVector>(scratch, rules, batch, head, firstQuery, queries, key, keys, out _);
            for (int r = 0; r < count; r++)
            {
                if (scratch.Numbers[r] >= rules.FreeColumns)
                    AddRow<TSimd, TVector>(scratch.Gradients + r * scratch.Lanes, sums + (firstQuery - scratch.Numbers[r] + shape.Keys - 1), queries);
            }

            key = rules.Sight.SkipBeforeWindow(key + keys, firstQuery);
        }
    }

    // Lanes without a query share distances with those that have one, so they must not be added.
    private static void AddRow<TSimd, TVector>(float* gradients, float* sums, int queries)
        where TSimd : struct, ISimd<TVector>
        where TVector : unmanaged
    {
        int lane = 0;
        for (; lane + TSimd.Width <= queries; lane += TSimd.Width)
            TSimd.Store(TSimd.Add(TSimd.Load(sums + lane), TSimd.Load(gradients + lane)), sums + lane);
        for (; lane < queries; lane++)
            sums[lane] += gradients[lane];
    }
}

/// <summary>Second stage of that gradient, a head per block: the parts are added up in order, and every distance's sum goes to the entry that it read.</summary>
internal unsafe struct FoldDistancesVectorized : IBlockKernel
{
    public float* Sums;     // [parts, heads, queries + keys − 1], the first part being overwritten
    public float* Gradient; // [heads, span]
    public AttentionShape Shape;
    public AttentionRules Rules;
    public int Parts;

    public readonly void Execute(int block)
    {
        int distances = Shape.Queries + Shape.Keys - 1;
        float* total = Sums + (long)block * distances;
        for (int part = 1; part < Parts; part++)
            Add(Sums + ((long)part * Shape.Heads + block) * distances, total, distances);
        var gradient = new Span<float>(Gradient + (long)block * Rules.DistanceSpan, Rules.DistanceSpan);
        gradient.Clear();
        for (int n = 0; n < distances; n++)
            gradient[Rules.DistanceEntry(Shape.Queries - 1 - n)] += total[n];
    }

    private static void Add(float* source, float* target, int count)
    {
        for (int n = 0; n < count; n += ElementVector.Width)
            ElementVector.Store(
                ElementVector.Load((Float32*)source + n, count - n) + ElementVector.Load((Float32*)target + n, count - n), (Float32*)target + n, count - n);
    }
}
