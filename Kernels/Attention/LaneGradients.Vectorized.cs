using System.Runtime.CompilerServices;

namespace GpuTransformer.Kernels;

/// <summary>What happens to a tile of scores and of their probabilities' gradients between the matrix products of backward.</summary>
internal static unsafe class LaneGradients<TSimd, TVector>
    where TSimd : struct, ISimd<TVector>
    where TVector : unmanaged
{
    /// <summary>
    /// P = exp(score − maximum) · reciprocal into scratch.Scores, dS = P · (dP − delta) · softclamp'(score) into scratch.Gradients; queries in lanes, whose maximum,
    /// reciprocal and delta are in scratch.Maximum, scratch.Reciprocal and scratch.Total.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void ByQuery(in FlashScratch scratch, int count, float softClamp)
    {
        for (int lane = 0; lane < scratch.Lanes; lane += TSimd.Width)
        {
            TVector maximum = TSimd.Load(scratch.Maximum + lane), reciprocal = TSimd.Load(scratch.Reciprocal + lane), delta = TSimd.Load(scratch.Total + lane);
            for (int r = 0; r < count; r++)
                Step(scratch.Scores + r * scratch.Lanes + lane, scratch.Gradients + r * scratch.Lanes + lane, maximum, reciprocal, delta, softClamp);
        }
    }

    /// <summary>The same with keys in lanes and the listed queries in rows.</summary>
    /// <param name="scratch">The tile.</param>
    /// <param name="count">Queries that are listed.</param>
    /// <param name="softClamp">c in c · tanh(score / c); 0 for none.</param>
    /// <param name="normalizer">[queries, 2] of this head, and</param>
    /// <param name="deltas">[queries], both by the queries' own numbers.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void ByKey(in FlashScratch scratch, int count, float softClamp, float* normalizer, float* deltas)
    {
        for (int r = 0; r < count; r++)
        {
            float* row = normalizer + 2 * scratch.Numbers[r];
            TVector maximum = TSimd.Create(row[0]), reciprocal = TSimd.Create(row[1]), delta = TSimd.Create(deltas[scratch.Numbers[r]]);
            for (int lane = 0; lane < scratch.Lanes; lane += TSimd.Width)
                Step(scratch.Scores + r * scratch.Lanes + lane, scratch.Gradients + r * scratch.Lanes + lane, maximum, reciprocal, delta, softClamp);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Step(float* score, float* gradient, TVector maximum, TVector reciprocal, TVector delta, float softClamp)
    {
        TVector s = TSimd.Load(score), p = TSimd.Multiply(SimdMath<TSimd, TVector>.Exp(TSimd.Subtract(s, maximum)), reciprocal);
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
