using GpuTransformer.Kernels;

namespace GpuTransformer.Host;

/// <summary>What a variant of an elementwise operator is given. The output may be one of the operands.</summary>
[Launches(typeof(ElementwiseVectorized<,,>)), Launches(typeof(ElementwiseVectorized<,,>), EveryPair = true)]
[Launches(typeof(ElementwisePortable<,,>)), Launches(typeof(ElementwisePortable<,,>), EveryPair = true)]
internal readonly partial record struct ElementwiseArguments<TOperation>(Tensor Left, Tensor? Right, Tensor Output, TOperation Operation)
    where TOperation : unmanaged, IElementwiseOperation<TOperation>
{
    public long Count => Output.Shape.Count;

    public int ElementsPerBlock(ComputeDevice device) => VectorizedBlocks.ElementsPerBlock(device, Count);
}

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
                    ElementwiseArguments<TOperation>.LaunchElementwiseVectorized),
                new("Portable", VariantKind.Portable, "four elements per thread", ElementwiseArguments<TOperation>.LaunchElementwisePortable),
            ]);
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
