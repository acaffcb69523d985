using GpuTransformer.Kernels;

namespace GpuTransformer.Host;

/// <summary>What a StridedCopy variant is given.</summary>
/// <param name="Input">Any data type.</param>
/// <param name="Index">Int32 or Int64, how many steps further on in the input an element is; or null.</param>
/// <param name="Output">Of the input's data type.</param>
/// <param name="Count">How many elements are copied.</param>
/// <param name="Lengths">The axes along which all are walked.</param>
/// <param name="InputSteps">How the input lies along them.</param>
/// <param name="IndexSteps">How the index lies along them.</param>
/// <param name="OutputSteps">How the output lies along them.</param>
/// <param name="Step">How far apart in the input neighbouring indices are.</param>
internal readonly record struct StridedCopyArguments(
    Tensor Input,
    Tensor? Index,
    Tensor Output,
    long Count,
    StridedLengths Lengths,
    StridedSteps InputSteps,
    StridedSteps IndexSteps,
    StridedSteps OutputSteps,
    long Step)
{
    /// <summary>A copy of <paramref name="input"/> to a new tensor, along whose axes it lies as <paramref name="inputSteps"/> says.</summary>
    public static StridedCopyArguments From(Tensor input, Shape output, long[] inputSteps, long start = 0)
        => Create(input, Tensor.Empty(input.Device, output, input.DType), output, inputSteps, StridedLayout.Steps(output), start, 0);

    /// <summary>
    /// A copy of all of <paramref name="input"/> into the part of <paramref name="output"/> that begins at <paramref name="start"/> along an axis.
    /// </summary>
    public static StridedCopyArguments Into(Tensor input, Tensor output, int axis, int start)
    {
        long[] steps = StridedLayout.Steps(output.Shape);
        return Create(input, output, input.Shape, StridedLayout.Steps(input.Shape), steps, 0, start * steps[axis]);
    }

    /// <summary>output[place] = input[place, with index[place] along an axis]; the index is broadcast to the output.</summary>
    public static StridedCopyArguments Gather(Tensor input, int axis, Tensor index, Shape output, long[] indexSteps)
    {
        long[] inputSteps = StridedLayout.Steps(input.Shape);
        long step = inputSteps[axis];
        inputSteps[axis] = 0;
        Span<StridedSteps> merged = stackalloc StridedSteps[3];
        StridedLengths lengths = StridedLayout.Merge(output.Lengths, merged, inputSteps, indexSteps, StridedLayout.Steps(output));
        return new StridedCopyArguments(
            input, index, Tensor.Empty(input.Device, output, input.DType), output.Count, lengths, merged[0], merged[1], merged[2], step);
    }

    /// <summary>Launches, unless there is nothing to copy, and returns the output.</summary>
    public Tensor Run()
    {
        if (Count > 0)
            StridedCopyOperator.Definition.Run(Output.Device, this);
        return Output;
    }

    private static StridedCopyArguments Create(
        Tensor input, Tensor output, Shape axes, long[] inputSteps, long[] outputSteps, long inputStart, long outputStart)
    {
        Span<StridedSteps> merged = [new StridedSteps { Start = inputStart }, new StridedSteps { Start = outputStart }];
        StridedLengths lengths = StridedLayout.Merge(axes.Lengths, merged, inputSteps, outputSteps);
        return new StridedCopyArguments(input, null, output, axes.Count, lengths, merged[0], default, merged[1], 0);
    }
}

/// <summary>
/// The strided copy in the catalogue: what stands behind Permute, Narrow, Concatenate, Expand, Gather and IndexSelect. It copies bits, so there is one kernel
/// for each size in bytes.
/// </summary>
internal static class StridedCopyOperator
{
    public static readonly OperatorDefinition<StridedCopyArguments> Definition = new(
        "StridedCopy",
        "y[place] = x[place, index[place]], each with strides of its own",
        [
            new(
                "Vectorized",
                VariantKind.Vectorized,
                "runs along the innermost axis, some thousand elements per block",
                static (device, a) => LaunchVectorized(device, a)),
            new("Portable", VariantKind.Portable, "four elements per thread", static (device, a) => LaunchPortable(device, a)),
        ]);

    private static void LaunchPortable(ComputeDevice device, StridedCopyArguments a)
    {
        switch (a.Input.DType.SizeInBytes())
        {
            case 1:
                Portable<byte>(device, a);
                break;
            case 2:
                Portable<ushort>(device, a);
                break;
            case 4:
                Portable<uint>(device, a);
                break;
            default:
                Portable<ulong>(device, a);
                break;
        }
    }

    private static void LaunchVectorized(ComputeDevice device, StridedCopyArguments a)
    {
        switch (a.Input.DType.SizeInBytes())
        {
            case 1:
                Vectorized<byte>(device, a);
                break;
            case 2:
                Vectorized<ushort>(device, a);
                break;
            case 4:
                Vectorized<uint>(device, a);
                break;
            default:
                Vectorized<ulong>(device, a);
                break;
        }
    }

    private static int IndexStride(in StridedCopyArguments a) => a.Index is { DType: DType.Int64 } ? 2 : 1;

    private static void Portable<TUnit>(ComputeDevice device, StridedCopyArguments a)
        where TUnit : unmanaged
    {
        const int PerGroup = StridedCopyPortable<TUnit>.ElementsPerGroup;
        device.Launch(StridedCopyPortable<TUnit>.Kernel, (a.Count + PerGroup - 1) / PerGroup, StridedCopyPortable<TUnit>.GroupSize,
            new StridedCopyPortable<TUnit>
        {
            Input = a.Input.View<TUnit>(),
            Index = a.Index?.View<int>() ?? default,
            Output = a.Output.View<TUnit>(),
            Lengths = a.Lengths,
            InputSteps = a.InputSteps,
            IndexSteps = a.IndexSteps,
            OutputSteps = a.OutputSteps,
            Count = a.Count,
            Step = a.Step,
            IndexStride = IndexStride(a),
        });
    }

    private static unsafe void Vectorized<TUnit>(ComputeDevice device, StridedCopyArguments a)
        where TUnit : unmanaged
    {
        int perBlock = VectorizedBlocks.ElementsPerBlock(device, a.Count);
        device.Launch(checked((int)((a.Count + perBlock - 1) / perBlock)), new StridedCopyVectorized<TUnit>
        {
            Input = a.Input.Pointer<TUnit>(),
            Index = a.Index is null ? null : a.Index.Pointer<int>(),
            Output = a.Output.Pointer<TUnit>(),
            Lengths = a.Lengths,
            InputSteps = a.InputSteps,
            IndexSteps = a.IndexSteps,
            OutputSteps = a.OutputSteps,
            Count = a.Count,
            Step = a.Step,
            IndexStride = IndexStride(a),
            ElementsPerBlock = perBlock,
        });
    }
}
