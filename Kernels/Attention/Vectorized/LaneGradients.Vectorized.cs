using System.Runtime.CompilerServices;

namespace GpuTransformer.Kernels;

/// <summary>What happens to a tile of scores and of their probabilities' gradients between the matrix products of backward.</summary>
internal static unsafe class LaneGradients<TSimd, TVector>
    where TSimd : struct, ISimd<TVector>
    where TVector : unmanaged
{
    /// <summary>
    /// P = exp(score − maximum) · reciprocal into scratch.Scores, dS = P · (dP − delta) · softclamp'(score) into scratch.Gradients; queries in lanes, whose
    /// maximum, reciprocal and delta are in scratch.Maximum, scratch.Reciprocal and scratch.Total. Both are zero where scratch.Visible says that the pair is
    /// hidden.
    /// </summary>
    /// <param name="scratch">The tile.</param>
    /// <param name="count">Keys that are listed.</param>
    /// <param name="softClamp">c in c · tanh(score / c); 0 for none.</param>
    /// <param name="everything">Whether every lane and row see each other; scratch.Visible is then not read.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void ByQuery(in FlashScratch scratch, int count, float softClamp, bool everything)
    {
        for (int lane = 0; lane < scratch.Lanes; lane += TSimd.Width)
        {
            TVector maximum = TSimd.Load(scratch.Maximum + lane), reciprocal = TSimd.Load(scratch.Reciprocal + lane), delta = TSimd.Load(scratch.Total + lane);
            for (int r = 0; r < count; r++)
            {
                ulong visible = everything ? ulong.MaxValue : scratch.Visible[r];
                Step(
                    scratch.Scores + r * scratch.Lanes + lane,
                    scratch.Gradients + r * scratch.Lanes + lane,
                    maximum,
                    reciprocal,
                    delta,
                    softClamp,
                    visible >> lane,
                    everything);
            }
        }
    }

    /// <summary>The same with keys in lanes and the listed queries in rows.</summary>
    /// <param name="scratch">The tile.</param>
    /// <param name="count">Queries that are listed.</param>
    /// <param name="softClamp">c in c · tanh(score / c); 0 for none.</param>
    /// <param name="everything">As for <see cref="ByQuery"/>.</param>
    /// <param name="normalizer">[queries, 2] of this head, and</param>
    /// <param name="deltas">[queries], both by the queries' own numbers.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void ByKey(in FlashScratch scratch, int count, float softClamp, bool everything, float* normalizer, float* deltas)
    {
        for (int r = 0; r < count; r++)
        {
            float* row = normalizer + 2 * scratch.Numbers[r];
            TVector maximum = TSimd.Create(row[0]), reciprocal = TSimd.Create(row[1]), delta = TSimd.Create(deltas[scratch.Numbers[r]]);
            ulong visible = everything ? ulong.MaxValue : scratch.Visible[r];
            for (int lane = 0; lane < scratch.Lanes; lane += TSimd.Width)
                Step(
                    scratch.Scores + r * scratch.Lanes + lane,
                    scratch.Gradients + r * scratch.Lanes + lane,
                    maximum,
                    reciprocal,
                    delta,
                    softClamp,
                    visible >> lane,
                    everything);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Step(float* score, float* gradient, TVector maximum, TVector reciprocal, TVector delta, float softClamp, ulong visible, bool everything)
    {
        TVector s = TSimd.Max(TSimd.Create(AttentionRules.LowestScore), TSimd.Load(score)), p = TSimd.Multiply(
            SimdMath<TSimd, TVector>.Exp(TSimd.Subtract(s, maximum)), reciprocal);
        TVector g = TSimd.Multiply(p, TSimd.Subtract(TSimd.Load(gradient), delta));
        if (softClamp != 0f)
        {
            // The derivative of c · tanh(x / c) is 1 − tanh², and tanh is the clamped score over c. Rounding must not make it negative.
            TVector tanh = TSimd.Multiply(s, TSimd.Create(1f / softClamp)), one = TSimd.Create(1f);
            TVector slope = TSimd.Subtract(one, TSimd.Multiply(tanh, tanh));
            g = TSimd.SelectLess(slope, default, default, TSimd.Multiply(g, slope));
        }

        // A hidden pair has neither probability nor gradient, whatever the row's normaliser or the products are.
        if (!everything)
        {
            p = TSimd.SelectBits((uint)visible, p, default);
            g = TSimd.SelectBits((uint)visible, g, default);
        }

        TSimd.Store(p, score);
        TSimd.Store(g, gradient);
    }
}
