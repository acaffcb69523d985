using GpuTransformer.Host;
using GpuTransformer.Modules;

namespace GpuTransformer.Cli.Train.Copy;

/// <summary>
/// Repeats random sequences. Trained on the right symbols before each position, measured on what the model says by itself, symbol after symbol.
/// </summary>
internal sealed class CopyTask : ITrainingTask
{
    private readonly CopySettings _settings;
    private readonly CopyModel _model;
    private readonly int[] _order; // position in the target → position in the source

    public CopyTask(CopySettings settings, ComputeDevice device)
    {
        _settings = settings;
        _model = new CopyModel(settings, new ParameterInitializer(device, settings.Seed));
        _order = [.. Enumerable.Range(0, settings.SourceLength)];
        if (settings.Order == CopyOrder.Reversed)
            Array.Reverse(_order);
        else if (settings.Order == CopyOrder.Permuted)
            DrawSeed.Random(settings.Seed, -1, 0).Shuffle(_order);
    }

    /// <inheritdoc/>
    public string Title
        => $"Copying {_settings.SourceLength} of {_settings.Symbols} symbols, order {SettingsJson.Name(_settings.Order)}: context {_settings.EncoderDim} "
            + $"wide, decoder {_settings.DecoderDim}";

    /// <inheritdoc/>
    public Module Model => _model;

    /// <inheritdoc/>
    public long TokensPerStep => 2L * _settings.BatchSize * _settings.SourceLength;

    /// <inheritdoc/>
    public Tensor Loss(long step)
    {
        (int[] source, int[] target) = Draw(step, _settings.BatchSize);
        int length = _settings.SourceLength;
        var before = new int[target.Length];
        for (int i = 0; i < before.Length; i++)
            before[i] = i % length == 0 ? _model.Start : target[i - 1];
        Shape shape = [_settings.BatchSize, length];
        Tensor context = _model.Encode(Tensor.From(_model.Device, shape, source));
        return Operators.SoftmaxCrossEntropy(_model.Decode(Tensor.From(_model.Device, shape, before), context), Tensor.From(_model.Device, shape, target));
    }

    /// <inheritdoc/>
    public TrainingReport Evaluate()
    {
        int wrong = 0, wrongSequences = 0, done = 0;
        for (int batch = 0; done < _settings.EvaluationSequences; batch++)
        {
            int count = Math.Min(_settings.BatchSize, _settings.EvaluationSequences - done);
            (int[] source, int[] target) = Draw(DrawSeed.FirstEvaluationStep + batch, count);
            int[] said = Say(source, count);
            for (int i = 0; i < count; i++)
            {
                int errors = 0;
                for (int p = i * _settings.SourceLength; p < (i + 1) * _settings.SourceLength; p++)
                    errors += said[p] == target[p] ? 0 : 1;
                wrong += errors;
                wrongSequences += errors == 0 ? 0 : 1;
            }

            done += count;
        }

        return new CopyReport { Symbols = done * _settings.SourceLength, WrongSymbols = wrong, Sequences = done, WrongSequences = wrongSequences };
    }

    /// <inheritdoc/>
    public void Illustrate(DirectoryInfo output)
    {
    }

    /// <inheritdoc/>
    public void Dispose() => _model.Dispose();

    /// <summary>The most probable symbol after each, beginning with nothing.</summary>
    private int[] Say(int[] source, int count)
    {
        int length = _settings.SourceLength;
        var said = new int[count * length];
        using StepScope scope = _model.Device.BeginStep();
        Tensor context = _model.Encode(Tensor.From(_model.Device, [count, length], source));
        for (int n = 1; n <= length; n++)
        {
            using StepScope step = _model.Device.BeginStep();
            var before = new int[count * n];
            for (int i = 0; i < before.Length; i++)
                before[i] = i % n == 0 ? _model.Start : said[i / n * length + i % n - 1];
            float[] logits = _model.Decode(Tensor.From(_model.Device, [count, n], before), context).ToArray();
            for (int i = 0; i < count; i++)
                said[i * length + n - 1] = Largest(logits.AsSpan(((i + 1) * n - 1) * _settings.Symbols, _settings.Symbols));
        }

        return said;
    }

    private static int Largest(ReadOnlySpan<float> values)
    {
        int best = 0;
        for (int i = 1; i < values.Length; i++)
        {
            if (values[i] > values[best])
                best = i;
        }

        return best;
    }

    /// <summary>Sequences of a step, and what is to be said.</summary>
    internal (int[] Source, int[] Target) Draw(long step, int count)
    {
        int length = _settings.SourceLength;
        int[] source = new int[count * length], target = new int[count * length];
        for (int i = 0; i < count; i++)
        {
            Random random = DrawSeed.Random(_settings.Seed, step, i);
            for (int p = 0; p < length; p++)
                source[i * length + p] = random.Next(_settings.Symbols);
            for (int p = 0; p < length; p++)
                target[i * length + p] = source[i * length + _order[p]];
        }

        return (source, target);
    }
}
