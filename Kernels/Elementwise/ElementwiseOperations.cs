using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace GpuTransformer.Kernels;

/// <summary>left + right.</summary>
internal readonly struct AddOperation : IElementwiseOperation<AddOperation>
{
    public static bool IsBinary => true;

    public static float Apply(AddOperation operation, float left, float right) => left + right;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Apply(AddOperation operation, Vector512<float> left, Vector512<float> right) => left + right;
}

/// <summary>left · right.</summary>
internal readonly struct MultiplyOperation : IElementwiseOperation<MultiplyOperation>
{
    public static bool IsBinary => true;

    public static float Apply(MultiplyOperation operation, float left, float right) => left * right;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Apply(MultiplyOperation operation, Vector512<float> left, Vector512<float> right) => left * right;
}

/// <summary>factor · x; with a factor of one, a conversion between storage types.</summary>
internal readonly struct ScaleOperation(float factor) : IElementwiseOperation<ScaleOperation>
{
    private readonly float _factor = factor;

    public static bool IsBinary => false;

    public static float Apply(ScaleOperation operation, float left, float right) => operation._factor * left;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Apply(ScaleOperation operation, Vector512<float> left, Vector512<float> right) => Vector512.Create(operation._factor) * left;
}

/// <summary>An activation, by its <see cref="ActivationCode"/>.</summary>
internal readonly struct ActivateOperation(int code) : IElementwiseOperation<ActivateOperation>
{
    private readonly int _code = code;

    public static bool IsBinary => false;

    public static float Apply(ActivateOperation operation, float left, float right) => ActivationCode.Apply(operation._code, left);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Apply(ActivateOperation operation, Vector512<float> left, Vector512<float> right)
        => ActivationCode.Apply(operation._code, left);
}

/// <summary>c · tanh(x / c).</summary>
internal readonly struct SoftClampOperation(float limit) : IElementwiseOperation<SoftClampOperation>
{
    private readonly float _limit = limit;

    public static bool IsBinary => false;

    public static float Apply(SoftClampOperation operation, float left, float right) => SoftClamp.Apply(left, operation._limit);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Apply(SoftClampOperation operation, Vector512<float> left, Vector512<float> right)
        => SoftClamp.Apply(left, operation._limit);
}

/// <summary>left + weight · (right − left): what an exponential moving average does with each new value.</summary>
internal readonly struct InterpolateOperation(float weight) : IElementwiseOperation<InterpolateOperation>
{
    private readonly float _weight = weight;

    public static bool IsBinary => true;

    public static float Apply(InterpolateOperation operation, float left, float right) => left + operation._weight * (right - left);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Apply(InterpolateOperation operation, Vector512<float> left, Vector512<float> right)
        => left + Vector512.Create(operation._weight) * (right - left);
}

/// <summary>dx = dy · f′(x) for an activation; left is dy, right is x.</summary>
internal readonly struct ActivationBackwardOperation(int code) : IElementwiseOperation<ActivationBackwardOperation>
{
    private readonly int _code = code;

    public static bool IsBinary => true;

    public static float Apply(ActivationBackwardOperation operation, float left, float right) => left * ActivationDerivative.Apply(operation._code, right);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Apply(ActivationBackwardOperation operation, Vector512<float> left, Vector512<float> right)
        => left * ActivationDerivative.Apply(operation._code, right);
}

/// <summary>dx = dy · (1 − tanh²(x / c)); left is dy, right is x.</summary>
internal readonly struct SoftClampBackwardOperation(float limit) : IElementwiseOperation<SoftClampBackwardOperation>
{
    private readonly float _limit = limit;

    public static bool IsBinary => true;

    public static float Apply(SoftClampBackwardOperation operation, float left, float right) => left * SoftClamp.Derivative(right, operation._limit);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Apply(SoftClampBackwardOperation operation, Vector512<float> left, Vector512<float> right)
        => left * SoftClamp.Derivative(right, operation._limit);
}
