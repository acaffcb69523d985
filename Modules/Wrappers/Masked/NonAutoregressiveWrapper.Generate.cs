using GpuTransformer.Host;

namespace GpuTransformer.Modules;

public sealed partial class NonAutoregressiveWrapper
{
    /// <summary>
    /// Writes whole sequences in Steps passes: all tokens are hidden at first, and after each pass the surest of those that were guessed stay.
    /// </summary>
    /// <param name="batchSize">How many sequences, at least one.</param>
    /// <param name="startTemperature">Logits are divided by it in the first pass, and by less and less later; finite, at least 0.</param>
    /// <param name="filterThres">This share of the tokens, the least likely ones, is never guessed: in [0, 1).</param>
    /// <param name="noiseLevelScale">How much noise a critic's scores get in the first pass, less and less later; finite, at least 0.</param>
    /// <param name="seed">The same seed writes the same.</param>
    /// <param name="context">[batchSize, contextLength, CrossAttn.DimContext], for a stack with cross-attention.</param>
    /// <param name="contextMask">bool [batchSize, contextLength].</param>
    /// <returns>Int32 [batchSize, MaxSeqLen]</returns>
    /// <exception cref="ArgumentException">A number is out of range, or the context does not fit.</exception>
    public Tensor Generate(
        int batchSize = 1, float startTemperature = 1f, float filterThres = 0.7f, float noiseLevelScale = 1f, int seed = 0, Tensor? context = null,
        Tensor? contextMask = null)
    {
        OptionChecks.Positive(batchSize, nameof(batchSize));
        OptionChecks.NotNegativeNumber(startTemperature, nameof(startTemperature));
        OptionChecks.Kept(filterThres, nameof(filterThres));
        OptionChecks.NotNegativeNumber(noiseLevelScale, nameof(noiseLevelScale));
        int length = Net.Options.MaxSeqLen;
        using StepScope scope = Device.BeginStep();
        using StepScope pause = Device.NoGradient();
        using StepScope evaluation = Device.BeginEvaluation();
        Func<float> uniform = new Random(seed).NextSingle;
        int[] ids = [.. Enumerable.Repeat(Options.MaskId, checked(batchSize * length))];
        bool[] mask = [.. Enumerable.Repeat(true, ids.Length)];
        Tensor? before = null;
        for (int step = 1; step <= Options.Steps; step++)
        {
            double annealing = (Options.Steps - step) / (double)Options.Steps;
            var inputs = new TokenInputs(Tensor.From(Device, [batchSize, length], ids)) { Context = context, ContextMask = contextMask };
            (float[] logits, before) = Guess(inputs, before, filterThres);
            int width = logits.Length / ids.Length;
            int[] guessed = GumbelSampler.Draw(logits, width, Math.Max(startTemperature * annealing, 1e-3), uniform);
            ids = [.. ids.Select((id, i) => mask[i] ? guessed[i] : id)];
            double[] scores = HasCritic
                ? [.. Criticise(inputs with { Ids = Tensor.From(Device, [batchSize, length], ids) }).ToArray().Select(
                    score => score + noiseLevelScale * annealing * GumbelSampler.Noise(uniform))]
                : Doubts(logits, width, guessed);
            Hide(ids, mask, scores, length, (int)(Options.Hidden(step / (double)Options.Steps) * length));
        }

        return scope.Keep(Tensor.From(Device, [batchSize, length], ids));
    }

    // The logits of one pass, of which only the likely ones are left, and the embeddings for the next.
    private (float[] Logits, Tensor? Embeddings) Guess(TokenInputs inputs, Tensor? before, float filterThres)
    {
        using StepScope scope = Device.BeginStep();
        Tensor? condition = _toSelfCond is null ? null : before is null ? Nothing(inputs) : _toSelfCond.Forward(before);
        (Tensor logits, Tensor embeddings) = Net.LogitsAndEmbeddings(inputs with { SumEmbeds = condition });
        float[] values = logits.ToArray();
        int width = logits.Shape[2];
        for (int row = 0; row < values.Length / width; row++)
            SamplingFilters.TopK(values.AsSpan(row * width, width), SamplingFilters.Count(1 - (double)filterThres, width));
        return (values, _toSelfCond is null ? null : scope.Keep(embeddings));
    }

    // How unlikely each guess was.
    private static double[] Doubts(float[] logits, int width, int[] guessed)
        => [.. guessed.Select((token, row) => 1 - SamplingFilters.Probabilities(logits.AsSpan(row * width, width))[token])];

    // The most doubtful tokens of each sequence are hidden again.
    private void Hide(int[] ids, bool[] mask, double[] scores, int length, int count)
    {
        for (int start = 0; start < ids.Length; start += length)
        {
            int[] places = [.. Enumerable.Range(start, length).OrderByDescending(
                i => Options.CanMaskPrevUnmasked || mask[i] ? scores[i] : double.NegativeInfinity).Take(count)];
            mask.AsSpan(start, length).Clear();
            foreach (int place in places)
                (mask[place], ids[place]) = (true, Options.MaskId);
        }
    }
}
