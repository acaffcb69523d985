using GpuTransformer.Kernels;

namespace GpuTransformer.Host;

/// <summary>What a variant of a broadcasting operator is given: up to three operands, each of a shape that is broadcast to the output's, and how to walk them.</summary>
internal readonly record struct BroadcastArguments<TMap>(Tensor First, Tensor? Second, Tensor? Third, Tensor Output, BroadcastWalk Walk, TMap Map)
    where TMap : unmanaged, IBroadcastMap<TMap>;

/// <summary>The two variants of the one kernel, specialised for <typeparamref name="TMap"/>.</summary>
internal static class BroadcastOperator<TMap>
    where TMap : unmanaged, IBroadcastMap<TMap>
{
    /// <summary>An operator of the catalogue.</summary>
    public static OperatorDefinition<BroadcastArguments<TMap>> Define(string name, string formula)
        => new(
            name,
            formula,
            [
                new(
                    "Vectorized",
                    VariantKind.Vectorized,
                    "SIMD along the innermost axis, some thousand elements per block",
                    static (device, a) => ElementDispatch.Launch<Vectorized, BroadcastArguments<TMap>>(device, a, a.Output.DType)),
                new("Portable", VariantKind.Portable, "four elements per thread", static (device, a) => ElementDispatch.Launch<Portable, BroadcastArguments<TMap>>(device, a, a.Output.DType)),
            ]);

    private readonly struct Portable : IElementLaunch<BroadcastArguments<TMap>>
    {
        public static void Launch<TElement>(ComputeDevice device, BroadcastArguments<TMap> a)
            where TElement : unmanaged, IElement<TElement>
        {
            const int PerGroup = BroadcastPortable<TElement, TMap>.ElementsPerGroup;
            device.Launch(
                BroadcastPortable<TElement, TMap>.Kernel,
                (a.Output.Shape.Count + PerGroup - 1) / PerGroup,
                BroadcastPortable<TElement, TMap>.GroupSize,
                new BroadcastPortable<TElement, TMap>
                {
                    First = a.First.View<TElement>(),
                    Second = a.Second?.View<TElement>() ?? default,
                    Third = a.Third?.View<TElement>() ?? default,
                    Output = a.Output.View<TElement>(),
                    Walk = a.Walk,
                    Map = a.Map,
                });
        }
    }

    private readonly unsafe struct Vectorized : IElementLaunch<BroadcastArguments<TMap>>
    {
        public static void Launch<TElement>(ComputeDevice device, BroadcastArguments<TMap> a)
            where TElement : unmanaged, IElement<TElement>
        {
            long count = a.Output.Shape.Count;
            int perBlock = VectorizedBlocks.ElementsPerBlock(device, count);
            device.Launch(checked((int)((count + perBlock - 1) / perBlock)), new BroadcastVectorized<TElement, TMap>
            {
                First = a.First.Pointer<TElement>(),
                Second = a.Second is null ? null : a.Second.Pointer<TElement>(),
                Third = a.Third is null ? null : a.Third.Pointer<TElement>(),
                Output = a.Output.Pointer<TElement>(),
                Walk = a.Walk,
                Count = count,
                ElementsPerBlock = perBlock,
                Map = a.Map,
            });
        }
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
