using System.Text;
using System.Text.Json.Nodes;
using GpuTransformer.Cli.Reporting;
using GpuTransformer.Host;
using GpuTransformer.Modules;

namespace GpuTransformer.Cli.Train.Text;

/// <summary>Learns to say the next byte of a text, and is measured on the end of the text, which training never sees.</summary>
internal sealed class TextTask : ITrainingTask
{
    /// <summary>Held-out bytes that are measured on the way; all of them are in the end.</summary>
    private const int GlanceBytes = 8192;

    /// <summary>Bytes of training text that are measured beside the held-out text.</summary>
    private const int MostTrainingBytes = 65_536;

    /// <summary>A field of the description beside the model: which text it learned.</summary>
    private const string LearnedText = "text_sha256";

    private readonly TextSettings _settings;
    private readonly TextFiles _files;
    private readonly TextData _data;
    private readonly string _fingerprint;
    private readonly AutoregressiveWrapper _model;

    public TextTask(TextSettings settings, ComputeDevice device)
    {
        _settings = settings;
        _files = TextFiles.Read(settings.Data!, settings.Pattern);
        _data = new TextData(_files.Bytes, settings.Length);
        _fingerprint = _data.Fingerprint;
        _model = TextModel.Create(settings, device);
    }

    /// <inheritdoc/>
    public string Title
    {
        get
        {
            string more = _files.Skipped.Count > 3 ? ", …" : string.Empty;
            string skipped = _files.Skipped.Count == 0 ? string.Empty
                : $" ({_files.Skipped.Count} skipped, being binary: {string.Join(", ", _files.Skipped.Take(3))}{more})";
            string files = _files.Files.Count == 1 ? "1 file" : $"{Format.Count(_files.Files.Count)} files";
            return $"The next byte of {Format.Count(_data.Training.Length)} from {files}{skipped}, "
                + $"{Format.Count(_data.HeldOut.Length)} held out; {_settings.Length} bytes at once";
        }
    }

    /// <inheritdoc/>
    public Module Model => _model;

    /// <inheritdoc/>
    public long TokensPerStep => (long)_settings.BatchSize * _settings.Length;

    /// <inheritdoc/>
    public LossUnit LossUnit => new("bits/byte", BitsPerByte.OfLoss);

    /// <inheritdoc/>
    public Tensor Loss(long step)
    {
        int[] ids = _data.Draw(_settings.Seed, step, _settings.BatchSize, _settings.Length);
        return _model.Loss(Tensor.From(_model.Device, [_settings.BatchSize, _settings.Length], ids));
    }

    /// <inheritdoc/>
    public string? Remark(long steps)
    {
        if (_settings.SampleEvery == 0 || steps % _settings.SampleEvery != 0)
            return null;
        int end = Math.Min(_data.All.Length, _data.HeldOutStart + GlanceBytes);
        return FormattableString.Invariant($"  held out, the first {end - _data.HeldOutStart} bytes: {Measure(_data.HeldOutStart, end):f3} bits per byte\n")
            + TextSample.Shown(TextSample.Printable(Sample()));
    }

    /// <inheritdoc/>
    public TrainingReport Evaluate()
    {
        (double gzipAlone, double gzip) = GzipBaseline.BitsPerByte(_data);
        return new TextReport
        {
            BitsPerByte = Measure(_data.HeldOutStart, _data.All.Length),
            TrainingBitsPerByte = Measure(Math.Max(_settings.Length, _data.HeldOutStart - MostTrainingBytes), _data.HeldOutStart),
            BigramBitsPerByte = new BigramTable(_data.Training).BitsPerByte(_data.All, _data.HeldOutStart),
            GzipBitsPerByte = gzip,
            GzipAloneBitsPerByte = gzipAlone,
            TrainingBytes = _data.Training.Length,
            HeldOutBytes = _data.HeldOut.Length,
            Files = _files.Files.Count,
            SkippedFiles = _files.Skipped,
            Sample = TextSample.Printable(Sample()),
        };
    }

    /// <inheritdoc/>
    public void CheckResumed(DirectoryInfo output)
    {
        // A text that has changed has another end: what is held out now may have been learned before.
        var file = new FileInfo(Path.Combine(output.FullName, RunFolder.ModelDescription));
        if (file.Exists && SettingsJson.ReadObject(file)[LearnedText]?.ToString() is { } learned && learned != _fingerprint)
            throw new UsageException(
                $"--resume: '{_settings.Data}' has {_data.All.Length} bytes with the SHA-256 {_fingerprint}, but the run in '{output.FullName}' learned a text "
                + $"with {learned}. Give that text, or begin another run in another folder.");
    }

    /// <inheritdoc/>
    public void Illustrate(DirectoryInfo output)
    {
        // Without the loss: what reads these two needs no knowledge of training.
        JsonObject description = TextModel.Describe(_settings);
        description[LearnedText] = _fingerprint;
        JsonFile.Write(new FileInfo(Path.Combine(output.FullName, RunFolder.ModelDescription)), description);
        _model.Net.Save(Path.Combine(output.FullName, RunFolder.ModelParameters));
    }

    /// <inheritdoc/>
    public void Dispose() => _model.Dispose();

    private double Measure(int start, int end)
    {
        int stride = _settings.EvaluationStride;
        return BitsPerByte.OfModel(_model.Net, _data.All, new TextWindows(start, end, _settings.Length, stride), _settings.Length, _settings.BatchSize);
    }

    private byte[] Sample()
    {
        ReadOnlySpan<byte> prompt = _settings.Prompt is { } given ? Encoding.UTF8.GetBytes(given) : _data.Training[^Math.Max(1, _settings.Length / 2)..];
        return TextSample.Write(_model, prompt, _settings.SampleLength, _settings);
    }
}
