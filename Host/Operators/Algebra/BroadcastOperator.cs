using GpuTransformer.Kernels;

namespace GpuTransformer.Host;

/// <summary>
/// What a variant of a broadcasting operator is given: up to three operands, each of a shape that is broadcast to the output's, and how to walk them.
/// </summary>
[Launches(typeof(BroadcastVectorized<,,,>)), Launches(typeof(BroadcastPortable<,,,>))]
[Launches(typeof(BroadcastVectorized<,,,>), Flags = "TOutput"), Launches(typeof(BroadcastPortable<,,,>), Flags = "TOutput")]
[Launches(typeof(BroadcastVectorized<,,,>), Flags = "TFirst"), Launches(typeof(BroadcastPortable<,,,>), Flags = "TFirst")]
internal readonly partial record struct BroadcastArguments<TMap>(Tensor First, Tensor? Second, Tensor? Third, Tensor Output, BroadcastWalk Walk, TMap Map)
    where TMap : unmanaged, IBroadcastMap<TMap>
{
    public long Count => Output.Shape.Count;

    public int ElementsPerBlock(ComputeDevice device) => VectorizedBlocks.ElementsPerBlock(device, Count);
}

/// <summary>The two variants of the one kernel, specialised for <typeparamref name="TMap"/>.</summary>
internal static class BroadcastOperator<TMap>
    where TMap : unmanaged, IBroadcastMap<TMap>
{
    /// <summary>An operator of the catalogue, from real numbers to real numbers.</summary>
    public static OperatorDefinition<BroadcastArguments<TMap>> Define(string name, string formula) => Define(
        name,
        formula,
        BroadcastArguments<TMap>.LaunchBroadcastVectorized,
        BroadcastArguments<TMap>.LaunchBroadcastPortable);

    /// <summary>One from real numbers to flags.</summary>
    public static OperatorDefinition<BroadcastArguments<TMap>> DefineComparison(string name, string formula) => Define(
        name,
        formula,
        BroadcastArguments<TMap>.LaunchBroadcastVectorizedFlagOutput,
        BroadcastArguments<TMap>.LaunchBroadcastPortableFlagOutput);

    /// <summary>One from flags and real numbers to real numbers.</summary>
    public static OperatorDefinition<BroadcastArguments<TMap>> DefineSelection(string name, string formula) => Define(
        name,
        formula,
        BroadcastArguments<TMap>.LaunchBroadcastVectorizedFlagFirst,
        BroadcastArguments<TMap>.LaunchBroadcastPortableFlagFirst);

    private static OperatorDefinition<BroadcastArguments<TMap>> Define(
        string name, string formula, Action<ComputeDevice, BroadcastArguments<TMap>> vectorized, Action<ComputeDevice, BroadcastArguments<TMap>> portable)
        => new(
            name,
            formula,
            [
                new("Vectorized", VariantKind.Vectorized, "SIMD along the innermost axis, some thousand elements per block", vectorized),
                new("Portable", VariantKind.Portable, "four elements per thread", portable),
            ]);
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
