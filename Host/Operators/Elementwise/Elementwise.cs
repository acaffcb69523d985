using GpuTransformer.Kernels;

namespace GpuTransformer.Host;

/// <summary>What a variant of an elementwise operator is given. The output may be one of the operands.</summary>
internal readonly record struct ElementwiseArguments<TOperation>(Tensor Left, Tensor? Right, Tensor Output, TOperation Operation)
    where TOperation : unmanaged, IElementwiseOperation<TOperation>;

/// <summary>What all elementwise operators share: the two variants of the one kernel, specialised for <typeparamref name="TOperation"/>.</summary>
internal static class ElementwiseOperator<TOperation>
    where TOperation : unmanaged, IElementwiseOperation<TOperation>
{
    /// <summary>An operator of the catalogue whose operands and result have one storage type.</summary>
    public static OperatorDefinition<ElementwiseArguments<TOperation>> Define(string name, string formula)
        => new(
            name,
            formula,
            [
                new(
                    "Vectorized",
                    VariantKind.Vectorized,
                    "SIMD, some thousand elements per block",
                    static (device, a) => ElementDispatch.Launch<SameTypeVectorized, ElementwiseArguments<TOperation>>(device, a, a.Output.DType)),
                new(
                    "Portable",
                    VariantKind.Portable,
                    "four elements per thread",
                    static (device, a) => ElementDispatch.Launch<SameTypePortable, ElementwiseArguments<TOperation>>(device, a, a.Output.DType)),
            ]);

    /// <summary>Launches the Portable kernel.</summary>
    public static void LaunchPortable<TInput, TOutput>(ComputeDevice device, in ElementwiseArguments<TOperation> a)
        where TInput : unmanaged, IElement<TInput>
        where TOutput : unmanaged, IElement<TOutput>
    {
        const int PerGroup = ElementwisePortable<TInput, TOutput, TOperation>.ElementsPerGroup;
        long groups = (a.Output.Shape.Count + PerGroup - 1) / PerGroup;
        device.Launch(
            ElementwisePortable<TInput, TOutput, TOperation>.Kernel,
            groups,
            ElementwisePortable<TInput, TOutput, TOperation>.GroupSize,
            new ElementwisePortable<TInput, TOutput, TOperation>
            {
                Left = a.Left.View<TInput>(),
                Right = a.Right?.View<TInput>() ?? default,
                Output = a.Output.View<TOutput>(),
                Operation = a.Operation,
            });
    }

    /// <summary>Launches the Vectorized kernel.</summary>
    public static unsafe void LaunchVectorized<TInput, TOutput>(ComputeDevice device, in ElementwiseArguments<TOperation> a)
        where TInput : unmanaged, IElement<TInput>
        where TOutput : unmanaged, IElement<TOutput>
    {
        long count = a.Output.Shape.Count;
        int perBlock = VectorizedBlocks.ElementsPerBlock(device, count);
        device.Launch(checked((int)((count + perBlock - 1) / perBlock)), new ElementwiseVectorized<TInput, TOutput, TOperation>
        {
            Left = a.Left.Pointer<TInput>(),
            Right = a.Right is null ? null : a.Right.Pointer<TInput>(),
            Output = a.Output.Pointer<TOutput>(),
            Count = count,
            ElementsPerBlock = perBlock,
            Operation = a.Operation,
        });
    }

    private readonly struct SameTypePortable : IElementLaunch<ElementwiseArguments<TOperation>>
    {
        public static void Launch<TElement>(ComputeDevice device, ElementwiseArguments<TOperation> a)
            where TElement : unmanaged, IElement<TElement>
            => LaunchPortable<TElement, TElement>(device, a);
    }

    private readonly struct SameTypeVectorized : IElementLaunch<ElementwiseArguments<TOperation>>
    {
        public static void Launch<TElement>(ComputeDevice device, ElementwiseArguments<TOperation> a)
            where TElement : unmanaged, IElement<TElement>
            => LaunchVectorized<TElement, TElement>(device, a);
    }
}

/// <summary>Launching an elementwise operator after its arguments were checked.</summary>
internal static class Elementwise
{
    /// <summary>Computes into a new tensor of the left operand's shape and data type.</summary>
    public static Tensor Compute<TOperation>(OperatorDefinition<ElementwiseArguments<TOperation>> definition, Tensor left, Tensor? right, TOperation operation)
        where TOperation : unmanaged, IElementwiseOperation<TOperation>
    {
        Tensor output = Tensor.Empty(left.Device, left.Shape, left.DType);
        if (output.Shape.Count > 0)
            definition.Run(left.Device, new ElementwiseArguments<TOperation>(left, right, output, operation));
        return output;
    }

    /// <summary>Both operands hold real numbers of one data type and have one shape.</summary>
    public static void CheckPair(Tensor left, Tensor right, string leftName, string rightName)
    {
        ArgumentNullException.ThrowIfNull(left, leftName);
        Arguments.CheckFloating(left.Device, left, leftName);
        Arguments.Check(left.Device, right, left.DType, rightName);
        Arguments.CheckShape(right, left.Shape, $"'{leftName}'", rightName);
    }
}
