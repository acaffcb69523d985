using System.Runtime.Intrinsics;
using GpuTransformer.Kernels;

namespace GpuTransformer.Host;

internal readonly struct BroadcastAddFunction : IBinaryFunction<BroadcastAddFunction>
{
    public static string Name => "BroadcastAdd";

    public static string Formula => "y = a + b, broadcast";

    public static float Apply(float a, float b) => a + b;

    public static Vector512<float> Apply(Vector512<float> a, Vector512<float> b) => a + b;

    public static float LeftGradient(float g, float a, float b) => g;

    public static Vector512<float> LeftGradient(Vector512<float> g, Vector512<float> a, Vector512<float> b) => g;

    public static float RightGradient(float g, float a, float b) => g;

    public static Vector512<float> RightGradient(Vector512<float> g, Vector512<float> a, Vector512<float> b) => g;
}
