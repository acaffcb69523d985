using GpuTransformer.Kernels;

namespace GpuTransformer.Host;

/// <summary>
/// What a variant of a broadcasting operator is given: up to three operands, each of a shape that is broadcast to the output's, and how to walk them.
/// </summary>
internal readonly record struct BroadcastArguments<TMap>(Tensor First, Tensor? Second, Tensor? Third, Tensor Output, BroadcastWalk Walk, TMap Map)
    where TMap : unmanaged, IBroadcastMap<TMap>;

/// <summary>The two variants of the one kernel, specialised for <typeparamref name="TMap"/>.</summary>
internal static class BroadcastOperator<TMap>
    where TMap : unmanaged, IBroadcastMap<TMap>
{
    /// <summary>An operator of the catalogue, from real numbers to real numbers.</summary>
    public static OperatorDefinition<BroadcastArguments<TMap>> Define(string name, string formula) => Define(
        name,
        formula,
        static (device, a) => ElementDispatch.Launch<Vectorized, BroadcastArguments<TMap>>(device, a, a.Output.DType),
        static (device, a) => ElementDispatch.Launch<Portable, BroadcastArguments<TMap>>(device, a, a.Output.DType));

    /// <summary>One from real numbers to flags.</summary>
    public static OperatorDefinition<BroadcastArguments<TMap>> DefineComparison(string name, string formula) => Define(
        name,
        formula,
        static (device, a) => ElementDispatch.Launch<VectorizedComparison, BroadcastArguments<TMap>>(device, a, a.First.DType),
        static (device, a) => ElementDispatch.Launch<PortableComparison, BroadcastArguments<TMap>>(device, a, a.First.DType));

    /// <summary>One from flags and real numbers to real numbers.</summary>
    public static OperatorDefinition<BroadcastArguments<TMap>> DefineSelection(string name, string formula) => Define(
        name,
        formula,
        static (device, a) => ElementDispatch.Launch<VectorizedSelection, BroadcastArguments<TMap>>(device, a, a.Output.DType),
        static (device, a) => ElementDispatch.Launch<PortableSelection, BroadcastArguments<TMap>>(device, a, a.Output.DType));

    private static OperatorDefinition<BroadcastArguments<TMap>> Define(
        string name, string formula, Action<ComputeDevice, BroadcastArguments<TMap>> vectorized, Action<ComputeDevice, BroadcastArguments<TMap>> portable)
        => new(
            name,
            formula,
            [
                new("Vectorized", VariantKind.Vectorized, "SIMD along the innermost axis, some thousand elements per block", vectorized),
                new("Portable", VariantKind.Portable, "four elements per thread", portable),
            ]);

    private static void LaunchPortable<TFirst, TElement, TOutput>(ComputeDevice device, in BroadcastArguments<TMap> a)
        where TFirst : unmanaged, IElement<TFirst>
        where TElement : unmanaged, IElement<TElement>
        where TOutput : unmanaged, IElement<TOutput>
    {
        const int PerGroup = BroadcastPortable<TFirst, TElement, TOutput, TMap>.ElementsPerGroup;
        device.Launch(
            BroadcastPortable<TFirst, TElement, TOutput, TMap>.Kernel,
            (a.Output.Shape.Count + PerGroup - 1) / PerGroup,
            BroadcastPortable<TFirst, TElement, TOutput, TMap>.GroupSize,
            new BroadcastPortable<TFirst, TElement, TOutput, TMap>
            {
                First = a.First.View<TFirst>(),
                Second = a.Second?.View<TElement>() ?? default,
                Third = a.Third?.View<TElement>() ?? default,
                Output = a.Output.View<TOutput>(),
                Walk = a.Walk,
                Map = a.Map,
            });
    }

    private static unsafe void LaunchVectorized<TFirst, TElement, TOutput>(ComputeDevice device, in BroadcastArguments<TMap> a)
        where TFirst : unmanaged, IElement<TFirst>
        where TElement : unmanaged, IElement<TElement>
        where TOutput : unmanaged, IElement<TOutput>
    {
        long count = a.Output.Shape.Count;
        int perBlock = VectorizedBlocks.ElementsPerBlock(device, count);
        device.Launch(checked((int)((count + perBlock - 1) / perBlock)), new BroadcastVectorized<TFirst, TElement, TOutput, TMap>
        {
            First = a.First.Pointer<TFirst>(),
            Second = a.Second is null ? null : a.Second.Pointer<TElement>(),
            Third = a.Third is null ? null : a.Third.Pointer<TElement>(),
            Output = a.Output.Pointer<TOutput>(),
            Walk = a.Walk,
            Count = count,
            ElementsPerBlock = perBlock,
            Map = a.Map,
        });
    }

    private readonly struct Portable : IElementLaunch<BroadcastArguments<TMap>>
    {
        public static void Launch<TElement>(ComputeDevice device, BroadcastArguments<TMap> arguments)
            where TElement : unmanaged, IElement<TElement>
            => LaunchPortable<TElement, TElement, TElement>(device, arguments);
    }

    private readonly struct Vectorized : IElementLaunch<BroadcastArguments<TMap>>
    {
        public static void Launch<TElement>(ComputeDevice device, BroadcastArguments<TMap> arguments)
            where TElement : unmanaged, IElement<TElement>
            => LaunchVectorized<TElement, TElement, TElement>(device, arguments);
    }

    private readonly struct PortableComparison : IElementLaunch<BroadcastArguments<TMap>>
    {
        public static void Launch<TElement>(ComputeDevice device, BroadcastArguments<TMap> arguments)
            where TElement : unmanaged, IElement<TElement>
            => LaunchPortable<TElement, TElement, Flag>(device, arguments);
    }

    private readonly struct VectorizedComparison : IElementLaunch<BroadcastArguments<TMap>>
    {
        public static void Launch<TElement>(ComputeDevice device, BroadcastArguments<TMap> arguments)
            where TElement : unmanaged, IElement<TElement>
            => LaunchVectorized<TElement, TElement, Flag>(device, arguments);
    }

    private readonly struct PortableSelection : IElementLaunch<BroadcastArguments<TMap>>
    {
        public static void Launch<TElement>(ComputeDevice device, BroadcastArguments<TMap> arguments)
            where TElement : unmanaged, IElement<TElement>
            => LaunchPortable<Flag, TElement, TElement>(device, arguments);
    }

    private readonly struct VectorizedSelection : IElementLaunch<BroadcastArguments<TMap>>
    {
        public static void Launch<TElement>(ComputeDevice device, BroadcastArguments<TMap> arguments)
            where TElement : unmanaged, IElement<TElement>
            => LaunchVectorized<Flag, TElement, TElement>(device, arguments);
    }
}

/// <summary>A function of one number in the catalogue, forward and backward.</summary>
internal static class UnaryOperator<TFunction>
    where TFunction : unmanaged, IUnaryFunction<TFunction>
{
    public static readonly OperatorDefinition<BroadcastArguments<UnaryForward<TFunction>>> Forward =
        BroadcastOperator<UnaryForward<TFunction>>.Define(TFunction.Name, TFunction.Formula);

    public static readonly OperatorDefinition<BroadcastArguments<UnaryBackward<TFunction>>> Backward =
        BroadcastOperator<UnaryBackward<TFunction>>.Define($"{TFunction.Name}Backward", $"dx = dy · dy/dx of {TFunction.Formula}");
}

/// <summary>A function of two numbers in the catalogue, forward and backward.</summary>
internal static class BinaryOperator<TFunction>
    where TFunction : unmanaged, IBinaryFunction<TFunction>
{
    public static readonly OperatorDefinition<BroadcastArguments<BinaryForward<TFunction>>> Forward =
        BroadcastOperator<BinaryForward<TFunction>>.Define(TFunction.Name, TFunction.Formula);

    public static readonly OperatorDefinition<BroadcastArguments<BinaryLeftBackward<TFunction>>> Left =
        BroadcastOperator<BinaryLeftBackward<TFunction>>.Define($"{TFunction.Name}LeftBackward", $"da = dy · dy/da of {TFunction.Formula}");

    public static readonly OperatorDefinition<BroadcastArguments<BinaryRightBackward<TFunction>>> Right =
        BroadcastOperator<BinaryRightBackward<TFunction>>.Define($"{TFunction.Name}RightBackward", $"db = dy · dy/db of {TFunction.Formula}");
}
