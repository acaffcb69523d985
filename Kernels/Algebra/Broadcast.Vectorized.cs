using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace GpuTransformer.Kernels;

/// <summary>
/// output = f(first, second, third) with SIMD, the operands broadcast to the output's shape. Along the innermost axis an operand is contiguous or one number,
/// so operands of one shape, rows and single numbers are read at full speed.
/// </summary>
internal unsafe struct BroadcastVectorized<TFirst, TElement, TOutput, TMap> : IBlockKernel
    where TFirst : unmanaged, IElement<TFirst>
    where TElement : unmanaged, IElement<TElement>
    where TOutput : unmanaged, IElement<TOutput>
    where TMap : unmanaged, IBroadcastMap<TMap>
{
    public TFirst* First;
    public TElement* Second; // or null
    public TElement* Third;  // or null
    public TOutput* Output; // [rows, inner]
    public BroadcastWalk Walk;
    public long Count;
    public int ElementsPerBlock;
    public TMap Map;

    /// <summary>How many blocks the launch needs.</summary>
    public readonly int Blocks => checked((int)((Count + ElementsPerBlock - 1) / ElementsPerBlock));

    public readonly void Execute(int block)
    {
        long i = (long)block * ElementsPerBlock, end = Math.Min(i + ElementsPerBlock, Count);
        while (i < end)
        {
            long row = i / Walk.Inner, column = i - row * Walk.Inner;
            int count = (int)Math.Min(Walk.Inner - column, end - i);
            Run((int)row, column, Output + i, count);
            i += count;
        }
    }

    private readonly void Run(int row, long column, TOutput* output, int count)
    {
        TFirst* first = First + BroadcastStrides.Row(Walk.First, Walk.Axes, row) + column * Walk.First.Inner;
        TElement* second = TMap.Operands > 1 ? Second + BroadcastStrides.Row(Walk.Second, Walk.Axes, row) + column * Walk.Second.Inner : null;
        TElement* third = TMap.Operands > 2 ? Third + BroadcastStrides.Row(Walk.Third, Walk.Axes, row) + column * Walk.Third.Inner : null;
        for (int i = 0; i < count; i += ElementVector.Width)
        {
            int lanes = count - i;
            Vector512<float> x = Load(first, Walk.First.Inner, i, lanes);
            Vector512<float> y = TMap.Operands > 1 ? Load(second, Walk.Second.Inner, i, lanes) : default;
            Vector512<float> z = TMap.Operands > 2 ? Load(third, Walk.Third.Inner, i, lanes) : default;
            ElementVector.Store(TMap.Apply(Map, x, y, z), output + i, lanes);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<float> Load<TStored>(TStored* source, int stride, int i, int lanes)
        where TStored : unmanaged, IElement<TStored>
        => stride == 0 ? Vector512.Create(TStored.ToSingle(*source)) : ElementVector.Load(source + i, lanes);
}
