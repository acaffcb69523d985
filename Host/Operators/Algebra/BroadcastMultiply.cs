using System.Runtime.Intrinsics;
using GpuTransformer.Kernels;

namespace GpuTransformer.Host;

internal readonly struct BroadcastMultiplyFunction : IBinaryFunction<BroadcastMultiplyFunction>
{
    public static string Name => "BroadcastMultiply";

    public static string Formula => "y = a · b, broadcast";

    public static float Apply(float a, float b) => a * b;

    public static Vector512<float> Apply(Vector512<float> a, Vector512<float> b) => a * b;

    public static float LeftGradient(float g, float a, float b) => g * b;

    public static Vector512<float> LeftGradient(Vector512<float> g, Vector512<float> a, Vector512<float> b) => g * b;

    public static float RightGradient(float g, float a, float b) => g * a;

    public static Vector512<float> RightGradient(Vector512<float> g, Vector512<float> a, Vector512<float> b) => g * a;
}
