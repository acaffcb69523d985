using GpuTransformer.Host;

namespace GpuTransformer.Modules;

/// <summary>
/// ALiBi: −slope_h · |key position − query position| added to the scores of the first heads; the others have no bias. The kernels compute it; this keeps the
/// slopes, as float32 whatever the model is stored as, for distances above 256 would round in bfloat16.
/// </summary>
/// <remarks>Press, Smith, Lewis 2022, in x-transformers' symmetric form.</remarks>
internal sealed class AlibiBias
{
    private readonly int _heads;
    private readonly int _biased;

    public AlibiBias(AttentionLayersOptions options, ComputeDevice device)
    {
        _heads = options.Heads;
        _biased = options.AlibiNumHeads ?? options.Heads;
        var slopes = new float[_heads];
        (options.RelPosKwargs?.Slopes?.ToArray() ?? AlibiSlopes.For(_biased)).CopyTo(slopes, 0);
        Slopes = Tensor.Persistent(device, [_heads]);
        Slopes.Write(slopes);
    }

    /// <summary>float32 [heads]; zero for a head without bias.</summary>
    public Tensor Slopes { get; }

    /// <summary>Custom positions as attention takes them: float32 [batch|1, heads|1, sequence].</summary>
    public Tensor? Positions(Tensor? pos, Tensor x)
    {
        if (pos is null)
            return null;
        (int batch, int length) = (x.Shape[0], x.Shape[1]);
        Shape shape = pos.Shape;
        bool fits = shape == new Shape(length) || shape == new Shape(batch, length) || shape == new Shape(batch, _biased, length);
        if (!fits || pos.DType == DType.Bool)
            throw new ArgumentException(
                $"'pos' is {pos.DType} {shape}, but positions for {x.Shape} are numbers [{length}], [{batch}, {length}] or [{batch}, {_biased}, {length}].",
                nameof(pos));
        Shape target = shape.Rank == 1 ? [1, 1, length] : shape.Rank == 2 ? [batch, 1, length] : [batch, _heads, length];
        if (pos.DType == DType.Float32 && target.Count == shape.Count)
            return pos.Reshape(target);

        // Heads without bias have slope zero, so their positions may be anything.
        float[] given = pos.ToArray(), values = new float[target.Count];
        int samples = target[0], from = given.Length / samples, to = values.Length / samples;
        for (int sample = 0; sample < samples; sample++)
            given.AsSpan(sample * from, from).CopyTo(values.AsSpan(sample * to));
        return Tensor.From(pos.Device, target, values);
    }
}
