using GpuTransformer.Cli.Reporting;
using GpuTransformer.Cli.Train.Data;
using GpuTransformer.Host;
using GpuTransformer.Modules;

namespace GpuTransformer.Cli.Train;

/// <summary>What <c>train mae --json</c> writes.</summary>
internal sealed record MaeReport(double MaskedMse, double Optimum, double NearestPixel, long Steps, long SkippedSteps, long Parameters, double Seconds, long DeviceBytes, MaeSettings Settings);

/// <summary>A masked autoencoder on Gaussian fields: trains, then measures the masked error beside the least that any predictor can have.</summary>
internal static class MaeTraining
{
    // Evaluation draws from steps that training never reaches.
    private const long FirstEvaluationStep = 1L << 40;

    public static MaeReport? Run(MaeSettings settings, ComputeDevice device, DirectoryInfo output, bool resume, Terminal terminal, CancellationToken cancellation)
    {
        settings.Check();
        output.Create();
        long start = System.Diagnostics.Stopwatch.GetTimestamp();
        using var model = new MaskedAutoencoder(Options(settings), device, settings.Seed);
        IReadOnlyList<TrainedParameter> parameters = TrainedParameter.Of(model);
        using var trainer = new Trainer(
            model,
            new AdamW(parameters) { WeightDecay = settings.WeightDecay, Beta2 = 0.95 },
            new LearningRateSchedule { Peak = settings.LearningRate, WarmUpSteps = settings.WarmUpSteps, TotalSteps = settings.Steps })
        { ClipNorm = settings.ClipNorm };
        var run = new TrainingRun(trainer, settings.Steps, settings.CheckpointEvery, output, terminal);
        if (resume)
            run.Resume();

        terminal.Line($"Masked autoencoder, {settings.Decoder} decoder, {Format.Count(model.ParameterCount)} parameters, {settings.Visible} of {settings.Patches} patches visible, on {device}");
        var field = new GaussianField(settings.ImageSize, settings.CorrelationLength);
        var batch = new MaskedFieldBatch(settings, field, settings.BatchSize);
        bool finished = run.Go(
            step =>
            {
                batch.Draw(step);
                return Loss(model, batch);
            },
            (long)settings.BatchSize * settings.Patches,
            cancellation);
        if (!finished)
            return null;

        double seconds = System.Diagnostics.Stopwatch.GetElapsedTime(start).TotalSeconds;
        (double error, double optimum, double nearest) = Evaluate(model, settings, field);
        terminal.Line(FormattableString.Invariant($"masked error {error:f4}; the optimum for these masks {optimum:f4} ({error / optimum - 1:p1} above it); nearest visible pixel {nearest:f4}; {seconds:f0} s"));
        return new MaeReport(error, optimum, nearest, trainer.StepNumber, trainer.SkippedSteps, model.ParameterCount, seconds, device.Statistics.BytesAllocated, settings);
    }

    /// <summary>The mean error on fresh images, and the optimum and the nearest pixel's error for the very masks drawn.</summary>
    public static (double Error, double Optimum, double Nearest) Evaluate(MaskedAutoencoder model, MaeSettings settings, GaussianField field)
    {
        var batch = new MaskedFieldBatch(settings, field, Math.Min(settings.BatchSize, settings.EvaluationImages));
        int batches = (settings.EvaluationImages + batch.Count - 1) / batch.Count;
        var known = new Dictionary<string, (double Optimum, double Nearest)>();
        double error = 0, optimum = 0, nearest = 0;
        for (int b = 0; b < batches; b++)
        {
            batch.Draw(FirstEvaluationStep + b);
            using StepScope scope = model.Device.BeginStep();
            error += Loss(model, batch).ToArray()[0] / batches;
            for (int image = 0; image < batch.Count; image++)
            {
                (double best, double copy) = Bounds(settings, field, batch, image, known);
                optimum += best / (batches * (double)batch.Count);
                nearest += copy / (batches * (double)batch.Count);
            }
        }

        return (error, optimum, nearest);
    }

    private static Tensor Loss(MaskedAutoencoder model, MaskedFieldBatch batch)
    {
        (Tensor visible, Tensor visibleIndex, Tensor hiddenIndex, Tensor hidden) = batch.Upload(model.Device);
        return Operators.MeanSquaredError(model.Forward(visible, visibleIndex, hiddenIndex), hidden);
    }

    private static (double Optimum, double Nearest) Bounds(MaeSettings settings, GaussianField field, MaskedFieldBatch batch, int image, Dictionary<string, (double, double)> known)
    {
        int[] patches = batch.VisiblePatches(image).ToArray();
        Array.Sort(patches);
        string key = string.Join(',', patches);
        if (!known.TryGetValue(key, out (double Optimum, double Nearest) bounds))
        {
            int[] visible = [.. patches.SelectMany(p => MaskedFieldBatch.Pixels(settings, p))];
            int[] hidden = [.. batch.HiddenPatches(image).ToArray().SelectMany(p => MaskedFieldBatch.Pixels(settings, p))];
            known.Add(key, bounds = (field.OptimalError(visible, hidden), field.NearestPixelError(visible, hidden)));
        }

        return bounds;
    }

    private static MaskedAutoencoderOptions Options(MaeSettings settings) => new()
    {
        GridRows = settings.GridSize,
        GridColumns = settings.GridSize,
        PatchDim = settings.PatchSize * settings.PatchSize,
        EncoderDim = settings.EncoderDim,
        EncoderDepth = settings.EncoderDepth,
        DecoderDim = settings.DecoderDim,
        DecoderDepth = settings.DecoderDepth,
        Decoder = settings.Decoder,
    };
}
