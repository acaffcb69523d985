using GpuTransformer.Host;

namespace GpuTransformer.Modules;

/// <summary>
/// The loss of a looped model. Every pass l has a next-token loss L_l for each target, weighted by how likely the gate stops there,
/// p_l = σ(e_l) Π_m&lt;l σ(−e_m), the last pass taking what is left; and the gate learns to stop where another pass gains little: its target is
/// σ(slope · (L_l+1 − L_l + threshold)). The result is mean(p · L) + weight · mean(binary cross-entropy), over the targets and the passes.
/// </summary>
internal static class LoopedLoss
{
    /// <param name="passes">Of each pass the logits [batch, sequence, logits] and the gate's [batch, sequence].</param>
    /// <param name="ids">The tokens, row by row; what is ignored is no target.</param>
    /// <param name="options">The ignored number, threshold, slope and weight.</param>
    /// <returns>A float32 scalar; zero if there is no target.</returns>
    public static Tensor Of(IReadOnlyList<(Tensor Logits, Tensor Exit)> passes, long[] ids, AutoregressiveWrapperOptions options)
    {
        (int batch, int targets) = (passes[0].Logits.Shape[0], passes[0].Logits.Shape[1] - 1);
        (Tensor next, Tensor counts, int count) = Targets(passes[0].Logits, ids, options.IgnoreIndex);
        Tensor[] losses = [.. passes.Select(pass => Surprise(pass.Logits, next) * counts)];
        Tensor[] exits = [.. passes.Select(pass => pass.Exit.As(DType.Float32).Narrow(1, 0, targets))];
        Tensor total = Tensor.Zeros(next.Device, []), exitLoss = total, left = Tensor.Zeros(next.Device, [batch, targets]);
        for (int pass = 0; pass < losses.Length; pass++)
        {
            bool isLast = pass == losses.Length - 1;
            Tensor stays = LogSigmoid.Of(-exits[pass]), stops = LogSigmoid.Of(exits[pass]);
            Tensor share = Operators.Exp(isLast ? left : left + stops).Detach();
            total += (losses[pass] * share).Sum();
            if (isLast)
                break;
            Tensor change = (losses[pass + 1] - losses[pass]).Detach();
            Tensor wanted = Operators.Sigmoid((change + options.LoopedLossThresholdExit) * options.LoopedLossSlope);
            exitLoss -= ((wanted * stops + (1f - wanted) * stays) * counts).Sum();
            left += stays;
        }

        return total / (count * losses.Length) + exitLoss * (options.LoopedExitLossWeight / (count * Math.Max(1, losses.Length - 1)));
    }

    // −ln softmax(logits) at the next token: [batch, targets]
    private static Tensor Surprise(Tensor logits, Tensor next)
    {
        Tensor said = logits.As(DType.Float32).Narrow(1, 0, next.Shape[1]);
        return said.LogSumExp(-1) - said.Gather(-1, next).Reshape([next.Shape[0], next.Shape[1]]);
    }

    // Int32 [batch, targets, 1], one where it counts and zero where not [batch, targets], and how many count; one if none does.
    private static (Tensor Next, Tensor Counts, int Count) Targets(Tensor logits, long[] ids, int ignored)
    {
        (int batch, int length) = (logits.Shape[0], logits.Shape[1]);
        var next = new int[batch * (length - 1)];
        var counts = new float[next.Length];
        for (int i = 0; i < next.Length; i++)
        {
            long id = ids[i / (length - 1) * length + i % (length - 1) + 1];
            counts[i] = id == ignored ? 0f : 1f;
            next[i] = id == ignored ? 0 : checked((int)id);
        }

        return (Tensor.From(logits.Device, [batch, length - 1, 1], next), Tensor.From(logits.Device, [batch, length - 1], counts),
            Math.Max(1, (int)counts.Sum()));
    }
}
