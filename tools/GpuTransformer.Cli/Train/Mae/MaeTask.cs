using GpuTransformer.Cli.Train.Data;
using GpuTransformer.Host;
using GpuTransformer.Modules;

namespace GpuTransformer.Cli.Train.Mae;

/// <summary>A masked autoencoder: predicts the hidden patches of images, and is measured beside the least error that any predictor can have.</summary>
internal sealed class MaeTask : ITrainingTask
{
    private const int Shown = 8;

    private readonly MaeSettings _settings;
    private readonly PatchGrid _grid;
    private readonly IImageSource _images;
    private readonly MaskedAutoencoder _model;
    private readonly MaskedImageBatch _batch;

    public MaeTask(MaeSettings settings, ComputeDevice device)
    {
        _settings = settings;
        _images = settings.CreateImages();
        _grid = settings.Grid(_images.Size, _images.Channels);
        _batch = new MaskedImageBatch(_grid, _images, settings.BatchSize, settings.Seed);
        _model = new MaskedAutoencoder(
            new MaskedAutoencoderOptions
            {
                GridRows = _grid.Side,
                GridColumns = _grid.Side,
                PatchDim = _grid.PatchDim,
                EncoderDim = settings.EncoderDim,
                EncoderDepth = settings.EncoderDepth,
                DecoderDim = settings.DecoderDim,
                DecoderDepth = settings.DecoderDepth,
                Decoder = settings.Decoder,
            },
            device,
            settings.Seed);
    }

    /// <inheritdoc/>
    public string Title
        => $"Masked autoencoder, {SettingsJson.Name(_settings.Decoder).Replace('_', '-')} decoder, {_grid.Visible} of {_grid.Patches} patches visible, "
            + $"{Source}";

    /// <inheritdoc/>
    public Module Model => _model;

    /// <inheritdoc/>
    public long TokensPerStep => (long)_batch.Count * _grid.Patches;

    /// <inheritdoc/>
    public Tensor Loss(long step)
    {
        _batch.Draw(step);
        return Loss(_batch);
    }

    /// <inheritdoc/>
    public TrainingReport Evaluate()
    {
        var batch = new MaskedImageBatch(_grid, _images, Math.Min(_settings.BatchSize, _settings.EvaluationImages), _settings.Seed);
        var bounds = new ErrorBounds(_grid, _images);
        int batches = (_settings.EvaluationImages + batch.Count - 1) / batch.Count;
        double error = 0;
        for (int b = 0; b < batches; b++)
        {
            batch.Draw(DrawSeed.FirstEvaluationStep + b);
            using StepScope scope = _model.Device.BeginStep();
            error += Loss(batch).ToArray()[0] / batches;
            bounds.Add(batch);
        }

        return new MaeReport
        {
            MaskedMse = error, Optimum = bounds.Optimum, AboveOptimum = error / bounds.Optimum - 1, NearestPixel = bounds.NearestPixel, Mean = bounds.Mean,
        };
    }

    /// <inheritdoc/>
    public void Illustrate(DirectoryInfo output)
    {
        var batch = new MaskedImageBatch(_grid, _images, Shown, _settings.Seed);
        batch.Draw(DrawSeed.FirstEvaluationStep);
        using StepScope scope = _model.Device.BeginStep();
        (Tensor visible, Tensor visibleIndex, Tensor hiddenIndex, _) = batch.Upload(_model.Device);
        float[] predicted = _model.Forward(visible, visibleIndex, hiddenIndex).ToArray();
        ReconstructionPicture.Draw(_grid, _images, batch, predicted).Save(Path.Combine(output.FullName, "reconstruction.png"));
    }

    /// <inheritdoc/>
    public void Dispose() => _model.Dispose();

    private string Source => _images is StoredImages stored
        ? $"{stored.Count - stored.HeldOut} images of {_grid.ImageSize} × {_grid.ImageSize} × {_grid.Channels} and {stored.HeldOut} held out"
        : $"generated images of {_grid.ImageSize} × {_grid.ImageSize}";

    private Tensor Loss(MaskedImageBatch batch)
    {
        (Tensor visible, Tensor visibleIndex, Tensor hiddenIndex, Tensor hidden) = batch.Upload(_model.Device);
        return Operators.MeanSquaredError(_model.Forward(visible, visibleIndex, hiddenIndex), hidden);
    }
}
