using GpuTransformer.Host;

namespace GpuTransformer.Modules;

/// <summary>A weaker model whose preferences contrastive decoding takes off those of the model that writes.</summary>
/// <param name="Model">A model of the same tokens.</param>
/// <param name="Beta">How much: logits become (1 + β) · the writer's − β · the weaker model's. Finite.</param>
/// <param name="Alpha">Tokens stay possible that the writer finds at least α times as likely as its most likely one; in (0, 1].</param>
public sealed record AmateurModel(TransformerWrapper Model, float Beta = 0.5f, float Alpha = 0.1f);

/// <content>Contrastive decoding.</content>
public sealed partial class AutoregressiveWrapper
{
    /// <summary>
    /// Writes tokens by what this model likes more than weaker ones do: its logits, contrasted with each of theirs in turn. There are no other filters unless
    /// the options name some.
    /// </summary>
    /// <param name="prompts">The prompts and what goes with them, as for Generate; the weaker models are given the same.</param>
    /// <param name="length">How many tokens to write; of none, the result is empty.</param>
    /// <param name="amateurs">The weaker models, at least one.</param>
    /// <param name="options">How tokens are chosen; null for x-transformers' defaults.</param>
    /// <param name="promptLens">Integers [batch]: how long each right-padded prompt is; null where all are as long as the tensor.</param>
    /// <returns>Int32 [batch · NumSamples, length]: the written tokens without the prompts.</returns>
    /// <exception cref="ArgumentException">As for Generate; or a weaker model does not fit.</exception>
    /// <remarks>O'Brien, Lewis 2023, "Contrastive Decoding Improves Reasoning"; Li et al. 2022.</remarks>
    public Tensor GenerateContrastive(
        TokenInputs prompts, int length, IReadOnlyList<AmateurModel> amateurs, GenerationOptions? options = null, Tensor? promptLens = null)
    {
        ArgumentNullException.ThrowIfNull(amateurs);
        options ??= new GenerationOptions();
        prompts = Prompts(prompts, length, options, promptLens);
        Check(amateurs);
        bool isFiltered = options.TopK is not null || options.TopP is not null || options.TopA is not null || options.MinP is not null;
        GenerationOptions chosen = isFiltered ? options : options with { FracNumTokens = 1 };
        int rows = checked(prompts.Batch * options.NumSamples);
        var written = new int[rows * length];
        if (written.Length == 0)
            return Tensor.From(Device, [rows, length], written);
        Array.Fill(written, Options.PadValue);
        using StepScope scope = Device.BeginStep();
        using var session = new DecodingSession(Net, prompts, prompts.Length + length, options);
        DecodingSession[] weaker = [.. amateurs.Select(a => new DecodingSession(a.Model, prompts, prompts.Length + length, options))];
        try
        {
            int position = 0;
            foreach (int[] tokens in Write(session, length, chosen, Contrasted))
            {
                for (int b = 0; b < rows; b++)
                    written[b * length + position] = tokens[b];
                position++;
            }

            float[] Contrasted(DecodingSession writer)
            {
                float[] logits = writer.Logits();
                for (int i = 0; i < weaker.Length; i++)
                {
                    Follow(weaker[i], writer);
                    Contrast(logits, weaker[i].Logits(), writer.Batch, amateurs[i]);
                }

                return logits;
            }
        }
        finally
        {
            foreach (DecodingSession follower in weaker)
                follower.Dispose();
        }

        return scope.Keep(Tensor.From(Device, [rows, length], written));
    }

    // A weaker model reads what the writer has written since it was asked last.
    private static void Follow(DecodingSession follower, DecodingSession writer)
    {
        if (follower.Batch != writer.Batch)
            follower.Select([.. Enumerable.Range(0, writer.Batch).Select(row => row / (writer.Batch / follower.Batch))]);
        for (int position = follower.Length; position < writer.Length; position++)
        {
            int behind = writer.Length - position;
            follower.Append([.. Enumerable.Range(0, writer.Batch).Select(row => writer.Tokens(row)[^behind])]);
        }
    }

    private static void Contrast(float[] logits, float[] weaker, int rows, AmateurModel amateur)
    {
        int width = logits.Length / rows;
        for (int row = 0; row < rows; row++)
        {
            Span<float> own = logits.AsSpan(row * width, width);
            float most = float.NegativeInfinity;
            foreach (float logit in own)
                most = MathF.Max(most, logit);
            float cutoff = MathF.Log(amateur.Alpha) + most;
            for (int token = 0; token < width; token++)
                own[token] = own[token] < cutoff ? float.MinValue : (1 + amateur.Beta) * own[token] - amateur.Beta * weaker[row * width + token];
        }
    }

    private void Check(IReadOnlyList<AmateurModel> amateurs)
    {
        if (amateurs.Count == 0)
            throw ForwardChecks.Wrong(nameof(amateurs), "'amateurs' is empty, but contrastive decoding needs at least one weaker model.");
        foreach (AmateurModel amateur in amateurs)
        {
            int own = Net.Options.LogitsDim ?? Net.Options.NumTokens, theirs = amateur.Model.Options.LogitsDim ?? amateur.Model.Options.NumTokens;
            if (own != theirs || !ReferenceEquals(amateur.Model.Device, Device))
                throw ForwardChecks.Wrong(
                    nameof(amateurs), $"A weaker model has {theirs} logits on {amateur.Model.Device}, but the model that writes has {own} on {Device}.");
            if (!float.IsFinite(amateur.Beta) || !(amateur.Alpha > 0 && amateur.Alpha <= 1))
                throw ForwardChecks.Wrong(
                    nameof(amateurs), $"Beta = {amateur.Beta} and Alpha = {amateur.Alpha}, but Beta must be finite and Alpha in (0, 1].");
        }
    }
}
