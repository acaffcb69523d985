using GpuTransformer.Host;
using GpuTransformer.Modules;

namespace GpuTransformer.Cli.Train.Recall;

/// <summary>Looks values up by key in a context of another width, and shows that hidden pairs are really not there.</summary>
internal sealed class RecallTask(RecallSettings settings, ComputeDevice device) : ITrainingTask
{
    // Within a tile of keys, at its edge, and beyond several.
    private static readonly int[] s_paddings = [1, 3, 16, 32, 33, 100, 257];

    private readonly RecallModel _model = new(settings, new ParameterInitializer(device, settings.Seed));

    /// <inheritdoc/>
    public string Title
        => $"Recalling one of {settings.Pairs} pairs, {settings.Keys} keys and {settings.Values} values: context {settings.ContextDim} wide, model "
            + $"{settings.Dim}";

    /// <inheritdoc/>
    public Module Model => _model;

    /// <inheritdoc/>
    public long TokensPerStep => 2L * settings.BatchSize * settings.Pairs;

    /// <inheritdoc/>
    public Tensor Loss(long step)
    {
        RecallBatch batch = RecallBatch.Draw(settings, step, settings.BatchSize);
        return Operators.SoftmaxCrossEntropy(batch.Ask(_model), batch.UploadAnswers(_model));
    }

    /// <inheritdoc/>
    public TrainingReport Evaluate()
    {
        int wrong = 0, answers = 0, changed = 0;
        double difference = 0;
        for (int number = 0; answers < settings.EvaluationContexts * settings.Pairs; number++)
        {
            RecallBatch batch = RecallBatch.Draw(
                settings, DrawSeed.FirstEvaluationStep + number, Math.Min(settings.BatchSize, settings.EvaluationContexts - answers / settings.Pairs));
            using StepScope scope = device.BeginStep();
            float[] scores = batch.Ask(_model).ToArray();
            for (int i = 0; i < batch.Answers.Length; i++)
                wrong += IsLargest(scores.AsSpan(i * settings.Values, settings.Values), batch.Answers[i]) ? 0 : 1;
            foreach (int padding in s_paddings)
            {
                using StepScope padded = device.BeginStep();
                float[] others = batch.AskPadded(_model, settings, padding).ToArray();
                for (int i = 0; i < scores.Length; i++)
                {
                    changed += BitConverter.SingleToInt32Bits(scores[i]) == BitConverter.SingleToInt32Bits(others[i]) ? 0 : 1;
                    difference = Math.Max(difference, Math.Abs((double)scores[i] - others[i]));
                }
            }

            answers += batch.Answers.Length;
        }

        return new RecallReport
        {
            Answers = answers, WrongAnswers = wrong, Paddings = s_paddings, PaddingChangesBits = changed, PaddingMaxDifference = difference,
        };
    }

    /// <inheritdoc/>
    public void Illustrate(DirectoryInfo output)
    {
    }

    /// <inheritdoc/>
    public void Dispose() => _model.Dispose();

    private static bool IsLargest(ReadOnlySpan<float> scores, int index)
    {
        for (int i = 0; i < scores.Length; i++)
        {
            if (i != index && !(scores[i] < scores[index]))
                return false;
        }

        return true;
    }
}
