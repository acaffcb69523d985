using System.Buffers;
using GpuTransformer.Cli.Train.Data;
using GpuTransformer.Host;

namespace GpuTransformer.Cli.Train.Mae;

/// <summary>Batches of images of which some patches are hidden. Image and mask come from one generator per image.</summary>
internal sealed class MaskedImageBatch
{
    private readonly PatchGrid _grid;
    private readonly IImageSource _images;
    private readonly int _seed;
    private readonly float[] _visible; // [batch, visible, patchDim]
    private readonly float[] _hidden;  // [batch, hidden, patchDim]
    private readonly int[] _visibleIndex;
    private readonly int[] _hiddenIndex;

    public MaskedImageBatch(PatchGrid grid, IImageSource images, int count, int seed)
    {
        (_grid, _images, _seed, Count) = (grid, images, seed, count);
        _visible = new float[count * grid.Visible * grid.PatchDim];
        _hidden = new float[count * grid.Hidden * grid.PatchDim];
        _visibleIndex = new int[count * grid.Visible];
        _hiddenIndex = new int[count * grid.Hidden];
    }

    /// <summary>Images in the batch.</summary>
    public int Count { get; }

    /// <summary>Which patches of an image are visible.</summary>
    public ReadOnlySpan<int> VisiblePatches(int image) => _visibleIndex.AsSpan(image * _grid.Visible, _grid.Visible);

    /// <summary>Which patches of an image are hidden.</summary>
    public ReadOnlySpan<int> HiddenPatches(int image) => _hiddenIndex.AsSpan(image * _grid.Hidden, _grid.Hidden);

    /// <summary>What the hidden patches of an image hold: [hidden, patchDim].</summary>
    public ReadOnlySpan<float> HiddenValues(int image) => _hidden.AsSpan(image * _grid.Hidden * _grid.PatchDim, _grid.Hidden * _grid.PatchDim);

    /// <summary>Puts the patches of an image back in their places; the hidden ones as they are, or as given.</summary>
    /// <param name="image">Which.</param>
    /// <param name="target">[size, size, channels]</param>
    /// <param name="hidden">[hidden, patchDim]</param>
    public void Assemble(int image, Span<float> target, ReadOnlySpan<float> hidden)
    {
        int dim = _grid.PatchDim;
        for (int i = 0; i < _grid.Visible; i++)
            _grid.Write(_visible.AsSpan((image * _grid.Visible + i) * dim, dim), _visibleIndex[image * _grid.Visible + i], target);
        for (int i = 0; i < _grid.Hidden; i++)
            _grid.Write(hidden.Slice(i * dim, dim), _hiddenIndex[image * _grid.Hidden + i], target);
    }

    /// <summary>Draws batch number <paramref name="step"/>.</summary>
    public void Draw(long step) => Parallel.For(0, Count, image => DrawImage(step, image));

    /// <summary>Copies the batch to a device: visible patches, where they are, where the hidden ones are, and what they hold.</summary>
    public (Tensor Visible, Tensor VisibleIndex, Tensor HiddenIndex, Tensor Hidden) Upload(ComputeDevice device) => (
        Tensor.From(device, [Count, _grid.Visible, _grid.PatchDim], _visible),
        Tensor.From(device, [Count, _grid.Visible], _visibleIndex),
        Tensor.From(device, [Count, _grid.Hidden], _hiddenIndex),
        Tensor.From(device, [Count, _grid.Hidden, _grid.PatchDim], _hidden));

    private void DrawImage(long step, int image)
    {
        Random random = DrawSeed.Random(_seed, step, image);
        float[] rented = ArrayPool<float>.Shared.Rent(_grid.ImageLength);
        Span<float> pixels = rented.AsSpan(0, _grid.ImageLength);
        _images.Draw(random, step >= DrawSeed.FirstEvaluationStep, pixels);
        int[] patches = [.. Enumerable.Range(0, _grid.Patches)];
        random.Shuffle(patches);
        Take(patches.AsSpan(0, _grid.Visible), pixels, _visibleIndex, _visible, image * _grid.Visible);
        Take(patches.AsSpan(_grid.Visible), pixels, _hiddenIndex, _hidden, image * _grid.Hidden);
        ArrayPool<float>.Shared.Return(rented);
    }

    private void Take(ReadOnlySpan<int> patches, ReadOnlySpan<float> image, int[] index, float[] target, int first)
    {
        patches.CopyTo(index.AsSpan(first));
        for (int i = 0; i < patches.Length; i++)
            _grid.Read(image, patches[i], target.AsSpan((first + i) * _grid.PatchDim));
    }
}
