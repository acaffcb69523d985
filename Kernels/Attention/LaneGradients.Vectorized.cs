using System.Runtime.CompilerServices;

namespace GpuTransformer.Kernels;

/// <summary>What happens to a tile of scores and of their probabilities' gradients between the matrix products of backward.</summary>
internal static unsafe class LaneGradients<TSimd, TVector>
    where TSimd : struct, ISimd<TVector>
    where TVector : unmanaged
{
    /// <summary>
    /// P = exp(score − logSumExp) into scratch.Scores, dS = P · (dP − delta) · softclamp'(score) into scratch.Gradients; queries in lanes, whose log-sum-exp and
    /// delta are in scratch.Maximum and scratch.Total.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void ByQuery(in FlashScratch scratch, int count, float softClamp)
    {
        for (int lane = 0; lane < scratch.Lanes; lane += TSimd.Width)
        {
            TVector logSumExp = TSimd.Load(scratch.Maximum + lane), delta = TSimd.Load(scratch.Total + lane);
            for (int r = 0; r < count; r++)
                Step(scratch.Scores + r * scratch.Lanes + lane, scratch.Gradients + r * scratch.Lanes + lane, logSumExp, delta, softClamp);
        }
    }

    /// <summary>The same with keys in lanes and the listed queries in rows.</summary>
    /// <param name="scratch">The tile.</param>
    /// <param name="count">Queries that are listed.</param>
    /// <param name="softClamp">c in c · tanh(score / c); 0 for none.</param>
    /// <param name="logSumExp">[queries] of this head, and</param>
    /// <param name="deltas">[queries], both by the queries' own numbers.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void ByKey(in FlashScratch scratch, int count, float softClamp, float* logSumExp, float* deltas)
    {
        for (int r = 0; r < count; r++)
        {
            TVector log = TSimd.Create(logSumExp[scratch.Numbers[r]]), delta = TSimd.Create(deltas[scratch.Numbers[r]]);
            for (int lane = 0; lane < scratch.Lanes; lane += TSimd.Width)
                Step(scratch.Scores + r * scratch.Lanes + lane, scratch.Gradients + r * scratch.Lanes + lane, log, delta, softClamp);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Step(float* score, float* gradient, TVector logSumExp, TVector delta, float softClamp)
    {
        TVector s = TSimd.Load(score), p = SimdMath<TSimd, TVector>.Exp(TSimd.Subtract(s, logSumExp));
        TVector g = TSimd.Multiply(p, TSimd.Subtract(TSimd.Load(gradient), delta));
        if (softClamp != 0f)
        {
            // The derivative of c · tanh(x / c) is 1 − tanh², and tanh is the clamped score over c. An invisible score is −∞, where p is zero: 0 · ∞ is not.
            TVector tanh = TSimd.Multiply(s, TSimd.Create(1f / softClamp)), one = TSimd.Create(1f);
            TVector slope = TSimd.Subtract(one, TSimd.Multiply(tanh, tanh));
            g = TSimd.SelectLess(slope, default, default, TSimd.Multiply(g, slope));
        }

        TSimd.Store(p, score);
        TSimd.Store(g, gradient);
    }
}
