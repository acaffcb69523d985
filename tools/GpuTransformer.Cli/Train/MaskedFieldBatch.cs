using GpuTransformer.Cli.Train.Data;
using GpuTransformer.Host;

namespace GpuTransformer.Cli.Train;

/// <summary>
/// Batches of masked Gaussian fields. Every image has a generator seeded by (seed, step, image), so a batch depends on its step's number alone: a resumed run sees
/// what an uninterrupted one would, and threads change nothing.
/// </summary>
internal sealed class MaskedFieldBatch
{
    private readonly MaeSettings _settings;
    private readonly GaussianField _field;
    private readonly float[] _visible; // [batch, visible, patch²]
    private readonly float[] _hidden;  // [batch, hidden, patch²]
    private readonly int[] _visibleIndex;
    private readonly int[] _hiddenIndex;

    public MaskedFieldBatch(MaeSettings settings, GaussianField field, int batch)
    {
        (_settings, _field, Count) = (settings, field, batch);
        int pixels = settings.PatchSize * settings.PatchSize;
        _visible = new float[batch * settings.Visible * pixels];
        _hidden = new float[batch * settings.Hidden * pixels];
        _visibleIndex = new int[batch * settings.Visible];
        _hiddenIndex = new int[batch * settings.Hidden];
    }

    /// <summary>Images in the batch.</summary>
    public int Count { get; }

    /// <summary>The visible patches of one image of the batch.</summary>
    public ReadOnlySpan<int> VisiblePatches(int image) => _visibleIndex.AsSpan(image * _settings.Visible, _settings.Visible);

    /// <summary>The hidden patches of one image of the batch.</summary>
    public ReadOnlySpan<int> HiddenPatches(int image) => _hiddenIndex.AsSpan(image * _settings.Hidden, _settings.Hidden);

    /// <summary>Draws batch number <paramref name="step"/>.</summary>
    public void Draw(long step) => Parallel.For(0, Count, image => DrawImage(step, image));

    /// <summary>Copies the batch to a device: visible patches, where they are, where the hidden ones are, and what they hold.</summary>
    public (Tensor Visible, Tensor VisibleIndex, Tensor HiddenIndex, Tensor Hidden) Upload(ComputeDevice device)
    {
        int pixels = _settings.PatchSize * _settings.PatchSize;
        return (
            Tensor.From(device, [Count, _settings.Visible, pixels], _visible),
            Tensor.From(device, [Count, _settings.Visible], _visibleIndex),
            Tensor.From(device, [Count, _settings.Hidden], _hiddenIndex),
            Tensor.From(device, [Count, _settings.Hidden, pixels], _hidden));
    }

    /// <summary>The pixels of a patch, as indices into the image.</summary>
    public static IEnumerable<int> Pixels(MaeSettings settings, int patch)
    {
        int top = patch / settings.GridSize * settings.PatchSize, left = patch % settings.GridSize * settings.PatchSize;
        for (int i = 0; i < settings.PatchSize * settings.PatchSize; i++)
            yield return (top + i / settings.PatchSize) * settings.ImageSize + left + i % settings.PatchSize;
    }

    private void DrawImage(long step, int image)
    {
        var random = new Random(Mix(_settings.Seed, step, image));
        Span<float> pixels = stackalloc float[_settings.ImageSize * _settings.ImageSize];
        _field.Draw(random, pixels);
        Span<int> patches = stackalloc int[_settings.Patches];
        for (int i = 0; i < patches.Length; i++)
            patches[i] = i;
        random.Shuffle(patches);
        Take(patches[.._settings.Visible], pixels, _visibleIndex.AsSpan(image * _settings.Visible), _visible, image * _settings.Visible);
        Take(patches[_settings.Visible..], pixels, _hiddenIndex.AsSpan(image * _settings.Hidden), _hidden, image * _settings.Hidden);
    }

    private void Take(ReadOnlySpan<int> patches, ReadOnlySpan<float> image, Span<int> index, float[] target, int firstRow)
    {
        int size = _settings.PatchSize;
        for (int i = 0; i < patches.Length; i++)
        {
            index[i] = patches[i];
            int top = patches[i] / _settings.GridSize * size, left = patches[i] % _settings.GridSize * size;
            for (int y = 0; y < size; y++)
                image.Slice((top + y) * _settings.ImageSize + left, size).CopyTo(target.AsSpan(((firstRow + i) * size + y) * size));
        }
    }

    // SplitMix64's finaliser: neighbouring steps and images give unrelated generators.
    private static int Mix(int seed, long step, int image)
    {
        ulong z = (ulong)seed * 0x9E3779B97F4A7C15 + (ulong)step * 0xBF58476D1CE4E5B9 + (ulong)(uint)image * 0x94D049BB133111EB;
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
        return (int)((z ^ (z >> 31)) & 0x7fffffff);
    }
}
