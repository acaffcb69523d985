namespace GpuTransformer.Kernels;

/// <summary>
/// The strided copy on the processor; see <see cref="StridedCopyPortable{TUnit}"/>. Along the innermost axis what is contiguous is copied as a block.
/// </summary>
internal unsafe struct StridedCopyVectorized<TUnit> : IBlockKernel
    where TUnit : unmanaged
{
    public TUnit* Input;
    public int* Index; // 32 or 64 bits each, see RowIndex; or null
    public TUnit* Output;
    public StridedLengths Lengths;
    public StridedSteps InputSteps;
    public StridedSteps IndexSteps;
    public StridedSteps OutputSteps;
    public long Count;
    public long Step;
    public int IndexStride;
    public int ElementsPerBlock;

    public readonly void Execute(int block)
    {
        long i = (long)block * ElementsPerBlock, end = Math.Min(i + ElementsPerBlock, Count);
        while (i < end)
        {
            StridedPlace at = StridedPlace.Of(Lengths, i);
            long count = Math.Min(Lengths.Length5 - at.Place5, end - i);
            Run(at, (int)count);
            i += count;
        }
    }

    private readonly void Run(StridedPlace at, int count)
    {
        TUnit* input = Input + StridedSteps.At(InputSteps, at), output = Output + StridedSteps.At(OutputSteps, at);
        long inputStep = InputSteps.Step5, outputStep = OutputSteps.Step5;
        if (Index != null)
        {
            long index = StridedSteps.At(IndexSteps, at);
            for (int k = 0; k < count; k++)
                output[k * outputStep] = input[k * inputStep + Step * RowIndex.Read(Index, index + k * IndexSteps.Step5, IndexStride)];
        }
        else if (inputStep == 1 && outputStep == 1)
        {
            new ReadOnlySpan<TUnit>(input, count).CopyTo(new Span<TUnit>(output, count));
        }
        else
        {
            for (int k = 0; k < count; k++)
                output[k * outputStep] = input[k * inputStep];
        }
    }
}
