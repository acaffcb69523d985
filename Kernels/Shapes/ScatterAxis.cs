using ILGPU;
using System.Numerics;

namespace GpuTransformer.Kernels;

/// <summary>How far apart in an index neighbours along outer, middle and inner axis are; 0 along an axis where it is the same for all.</summary>
internal struct IndexSteps
{
    public long Outer;
    public long Middle;
    public long Inner;
}

/// <summary>
/// output[o, j, i] = input[o, j, i] + the sum of source[o, k, i] over the k with index[o, k, i] = j, in order. Each element of the output searches the index
/// for itself, so no atomics are needed and the result is the same in every run. Some elements per thread.
/// </summary>
internal struct ScatterAxisPortable : IGridKernel
{
    /// <summary>Threads per group.</summary>
    public const int GroupSize = 64;

    public ArrayView<float> Input;  // [outer, Length, Inner]
    public ArrayView<float> Source; // [outer, Count, Inner]
    public ArrayView<int> Index;    // 32 or 64 bits each, see RowIndex
    public ArrayView<float> Output; // [outer, Length, Inner]
    public IndexSteps Steps;
    public int IndexStride; // 2 for 64-bit indices
    public int Length;
    public int Count;
    public int Inner;

    /// <inheritdoc/>
    public int FirstGroup { get; set; }

    /// <summary>How many groups the launch needs.</summary>
    public readonly long Groups => (Output.Length + GroupSize - 1) / GroupSize;

    /// <summary>Grid: output elements / <see cref="GroupSize"/>, rounded up.</summary>
    public static void Kernel(ScatterAxisPortable p)
    {
        long element = (long)(p.FirstGroup + Grid.IdxX) * GroupSize + Group.IdxX;
        if (element < p.Output.Length)
        {
            long row = element / p.Inner, inner = element - row * p.Inner, outer = row / p.Length;
            int wanted = (int)(row - outer * p.Length);
            long index = outer * p.Steps.Outer + inner * p.Steps.Inner, source = outer * p.Count * p.Inner + inner;
            float sum = p.Input[element];
            for (int k = 0; k < p.Count; k++)
            {
                if (RowIndex.Read(p.Index, index, p.IndexStride) == wanted)
                    sum += p.Source[source];
                index += p.Steps.Middle;
                source += p.Inner;
            }

            p.Output[element] = sum;
        }
    }
}

/// <summary>The scatter on the processor: the sources in order, each where it belongs; see <see cref="ScatterAxisPortable"/>.</summary>
internal unsafe struct ScatterAxisVectorized : IBlockKernel
{
    /// <summary>Columns that one block computes.</summary>
    public const int ColumnsPerBlock = 1024;

    public float* Input;  // [outer, Length, Inner]
    public float* Source; // [outer, Count, Inner]
    public int* Index;
    public float* Output; // [outer, Length, Inner]
    public IndexSteps Steps;
    public int IndexStride;
    public int Length;
    public int Count;
    public int Inner;
    public int Outer;

    /// <summary>How many blocks the launch needs.</summary>
    public readonly int Blocks => checked(Outer * ((Inner + ColumnsPerBlock - 1) / ColumnsPerBlock));

    public readonly void Execute(int block)
    {
        int parts = (Inner + ColumnsPerBlock - 1) / ColumnsPerBlock, outer = block / parts, first = (block - outer * parts) * ColumnsPerBlock;
        int columns = Math.Min(ColumnsPerBlock, Inner - first);
        float* output = Output + (long)outer * Length * Inner + first, source = Source + (long)outer * Count * Inner + first;
        float* input = Input + (long)outer * Length * Inner + first;
        for (int j = 0; j < Length; j++)
            new ReadOnlySpan<float>(input + (long)j * Inner, columns).CopyTo(new Span<float>(output + (long)j * Inner, columns));
        for (int k = 0; k < Count; k++, source += Inner)
        {
            long index = outer * Steps.Outer + k * Steps.Middle + first * Steps.Inner;
            if (Steps.Inner == 0)
                AddRow(output, RowIndex.Read(Index, index, IndexStride), source, columns);
            else
                AddEach(output, index, source, columns);
        }
    }

    private readonly void AddRow(float* output, int j, float* source, int columns)
    {
        if (j < 0 || j >= Length)
            return;
        float* row = output + (long)j * Inner;
        int column = 0;
        for (; column <= columns - Vector<float>.Count; column += Vector<float>.Count)
            (Vector.Load(row + column) + Vector.Load(source + column)).Store(row + column);
        for (; column < columns; column++)
            row[column] += source[column];
    }

    private readonly void AddEach(float* output, long index, float* source, int columns)
    {
        for (int column = 0; column < columns; column++, index += Steps.Inner)
        {
            int j = RowIndex.Read(Index, index, IndexStride);
            if (j >= 0 && j < Length)
                output[(long)j * Inner + column] += source[column];
        }
    }
}
