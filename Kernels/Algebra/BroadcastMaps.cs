using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace GpuTransformer.Kernels;

/// <summary>y = f(x).</summary>
internal readonly struct UnaryForward<TFunction>(TFunction function) : IBroadcastMap<UnaryForward<TFunction>>
    where TFunction : unmanaged, IUnaryFunction<TFunction>
{
    private readonly TFunction _function = function;

    public static int Operands => 1;

    public static float Apply(UnaryForward<TFunction> map, float x, float y, float z) => TFunction.Apply(map._function, x);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Apply(UnaryForward<TFunction> map, Vector512<float> x, Vector512<float> y, Vector512<float> z)
        => TFunction.Apply(map._function, x);
}

/// <summary>dx = g · f′(x); the operands are g and x.</summary>
internal readonly struct UnaryBackward<TFunction>(TFunction function) : IBroadcastMap<UnaryBackward<TFunction>>
    where TFunction : unmanaged, IUnaryFunction<TFunction>
{
    private readonly TFunction _function = function;

    public static int Operands => 2;

    public static float Apply(UnaryBackward<TFunction> map, float x, float y, float z) => TFunction.Gradient(map._function, x, y);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Apply(UnaryBackward<TFunction> map, Vector512<float> x, Vector512<float> y, Vector512<float> z)
        => TFunction.Gradient(map._function, x, y);
}

/// <summary>y = f(a, b).</summary>
internal readonly struct BinaryForward<TFunction> : IBroadcastMap<BinaryForward<TFunction>>
    where TFunction : unmanaged, IBinaryFunction<TFunction>
{
    public static int Operands => 2;

    public static float Apply(BinaryForward<TFunction> map, float x, float y, float z) => TFunction.Apply(x, y);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Apply(BinaryForward<TFunction> map, Vector512<float> x, Vector512<float> y, Vector512<float> z) => TFunction.Apply(x, y);
}

/// <summary>da = g · ∂f/∂a; the operands are g, a and b.</summary>
internal readonly struct BinaryLeftBackward<TFunction> : IBroadcastMap<BinaryLeftBackward<TFunction>>
    where TFunction : unmanaged, IBinaryFunction<TFunction>
{
    public static int Operands => 3;

    public static float Apply(BinaryLeftBackward<TFunction> map, float x, float y, float z) => TFunction.LeftGradient(x, y, z);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Apply(BinaryLeftBackward<TFunction> map, Vector512<float> x, Vector512<float> y, Vector512<float> z)
        => TFunction.LeftGradient(x, y, z);
}

/// <summary>db = g · ∂f/∂b; the operands are g, a and b.</summary>
internal readonly struct BinaryRightBackward<TFunction> : IBroadcastMap<BinaryRightBackward<TFunction>>
    where TFunction : unmanaged, IBinaryFunction<TFunction>
{
    public static int Operands => 3;

    public static float Apply(BinaryRightBackward<TFunction> map, float x, float y, float z) => TFunction.RightGradient(x, y, z);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Apply(BinaryRightBackward<TFunction> map, Vector512<float> x, Vector512<float> y, Vector512<float> z)
        => TFunction.RightGradient(x, y, z);
}
