using System.Runtime.Intrinsics;
using ILGPU.Algorithms;

namespace GpuTransformer.Kernels;

/// <summary>scale · Σ x.</summary>
internal readonly struct SumReduction : IReduction<SumReduction>
{
    public static float Identity => 0f;

    public static float Map(float x, float c) => x;

    public static Vector512<float> Map(Vector512<float> x, Vector512<float> c) => x;

    public static float Combine(float a, float b) => a + b;

    public static Vector512<float> Combine(Vector512<float> a, Vector512<float> b) => a + b;

    public static float Finish(float total, float c, float scale) => total * scale;
}

/// <summary>max x; NaN where one is.</summary>
internal readonly struct MaxReduction : IReduction<MaxReduction>
{
    public static float Identity => float.NegativeInfinity;

    public static float Map(float x, float c) => x;

    public static Vector512<float> Map(Vector512<float> x, Vector512<float> c) => x;

    public static float Combine(float a, float b) => a < b ? b : a >= b ? a : a + b;

    public static Vector512<float> Combine(Vector512<float> a, Vector512<float> b) => Vector512.Max(a, b);

    public static float Finish(float total, float c, float scale) => total;
}

/// <summary>min x; NaN where one is.</summary>
internal readonly struct MinReduction : IReduction<MinReduction>
{
    public static float Identity => float.PositiveInfinity;

    public static float Map(float x, float c) => x;

    public static Vector512<float> Map(Vector512<float> x, Vector512<float> c) => x;

    public static float Combine(float a, float b) => a > b ? b : a <= b ? a : a + b;

    public static Vector512<float> Combine(Vector512<float> a, Vector512<float> b) => Vector512.Min(a, b);

    public static float Finish(float total, float c, float scale) => total;
}

/// <summary>How many x are the centre, NaN being NaN.</summary>
internal readonly struct TieCountReduction : IReduction<TieCountReduction>
{
    public static float Identity => 0f;

    public static float Map(float x, float c) => x == c || (float.IsNaN(x) && float.IsNaN(c)) ? 1f : 0f;

    public static Vector512<float> Map(Vector512<float> x, Vector512<float> c) => Extremes.Select(x, c, Vector512<float>.One);

    public static float Combine(float a, float b) => a + b;

    public static Vector512<float> Combine(Vector512<float> a, Vector512<float> b) => a + b;

    public static float Finish(float total, float c, float scale) => total;
}

/// <summary>scale · Σ (x − c)².</summary>
internal readonly struct SquaredDeviationReduction : IReduction<SquaredDeviationReduction>
{
    public static float Identity => 0f;

    public static float Map(float x, float c) => (x - c) * (x - c);

    public static Vector512<float> Map(Vector512<float> x, Vector512<float> c) => (x - c) * (x - c);

    public static float Combine(float a, float b) => a + b;

    public static Vector512<float> Combine(Vector512<float> a, Vector512<float> b) => a + b;

    public static float Finish(float total, float c, float scale) => total * scale;
}

/// <summary>c + ln Σ exp(x − c); an infinite centre counts as zero, so that nothing but −∞ gives −∞.</summary>
internal readonly struct LogSumExpReduction : IReduction<LogSumExpReduction>
{
    public static float Identity => 0f;

    public static float Map(float x, float c) => SpecialFunctions.Exp(x - Shift(c));

    public static Vector512<float> Map(Vector512<float> x, Vector512<float> c)
        => SpecialFunctions.Exp(x - Vector512.ConditionalSelect(Vector512.Equals(Vector512.Abs(c), Vector512.Create(float.PositiveInfinity)), default, c));

    public static float Combine(float a, float b) => a + b;

    public static Vector512<float> Combine(Vector512<float> a, Vector512<float> b) => a + b;

    public static float Finish(float total, float c, float scale) => total == 0f ? float.NegativeInfinity : Shift(c) + SpecialFunctions.LogZeroAtOne(total);

    private static float Shift(float c) => c == float.PositiveInfinity || c == float.NegativeInfinity ? 0f : c;
}

/// <summary>sqrt(Σ x²).</summary>
internal readonly struct NormReduction : IReduction<NormReduction>
{
    public static float Identity => 0f;

    public static float Map(float x, float c) => x * x;

    public static Vector512<float> Map(Vector512<float> x, Vector512<float> c) => x * x;

    public static float Combine(float a, float b) => a + b;

    public static Vector512<float> Combine(Vector512<float> a, Vector512<float> b) => a + b;

    public static float Finish(float total, float c, float scale) => XMath.Sqrt(total);
}

/// <summary>dx = scale · g.</summary>
internal readonly struct SumGradient : IReductionGradient<SumGradient>
{
    public static float Apply(float g, float x, float c, float n, float scale) => scale * g;

    public static Vector512<float> Apply(Vector512<float> g, Vector512<float> x, Vector512<float> c, Vector512<float> n, float scale)
        => Vector512.Create(scale) * g;
}

/// <summary>dx = g / n where x is the centre, zero elsewhere.</summary>
internal readonly struct ExtremeGradient : IReductionGradient<ExtremeGradient>
{
    public static float Apply(float g, float x, float c, float n, float scale) => x == c || (float.IsNaN(x) && float.IsNaN(c)) ? g / n : 0f;

    public static Vector512<float> Apply(Vector512<float> g, Vector512<float> x, Vector512<float> c, Vector512<float> n, float scale)
        => Extremes.Select(x, c, g / n);
}

/// <summary>dx = scale · g · (x − c).</summary>
internal readonly struct SquaredDeviationGradient : IReductionGradient<SquaredDeviationGradient>
{
    public static float Apply(float g, float x, float c, float n, float scale) => scale * g * (x - c);

    public static Vector512<float> Apply(Vector512<float> g, Vector512<float> x, Vector512<float> c, Vector512<float> n, float scale)
        => Vector512.Create(scale) * g * (x - c);
}

/// <summary>dx = g · exp(x − c), c being the result; zero where that is −∞.</summary>
internal readonly struct LogSumExpGradient : IReductionGradient<LogSumExpGradient>
{
    public static float Apply(float g, float x, float c, float n, float scale) => c == float.NegativeInfinity ? 0f : g * SpecialFunctions.Exp(x - c);

    public static Vector512<float> Apply(Vector512<float> g, Vector512<float> x, Vector512<float> c, Vector512<float> n, float scale)
        => Vector512.ConditionalSelect(Vector512.Equals(c, Vector512.Create(float.NegativeInfinity)), default, g * SpecialFunctions.Exp(x - c));
}

/// <summary>dx = g · x / c, c being the result; zero where that is zero.</summary>
internal readonly struct NormGradient : IReductionGradient<NormGradient>
{
    public static float Apply(float g, float x, float c, float n, float scale) => c == 0f ? 0f : g * (x / c);

    public static Vector512<float> Apply(Vector512<float> g, Vector512<float> x, Vector512<float> c, Vector512<float> n, float scale)
        => Vector512.ConditionalSelect(Vector512.Equals(c, default), default, g * (x / c));
}

/// <summary>What the extremes of a row share.</summary>
internal static class Extremes
{
    /// <summary>The value where x is the extreme, NaN being NaN, zero elsewhere.</summary>
    public static Vector512<float> Select(Vector512<float> x, Vector512<float> extreme, Vector512<float> value)
    {
        Vector512<float> bothNaN = Vector512.AndNot(Vector512<uint>.AllBitsSet.AsSingle(), Vector512.Equals(x, x) | Vector512.Equals(extreme, extreme));
        return (Vector512.Equals(x, extreme) | bothNaN) & value;
    }
}
