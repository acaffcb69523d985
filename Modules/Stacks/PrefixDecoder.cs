using GpuTransformer.Host;

namespace GpuTransformer.Modules;

/// <summary>A stack whose self-attention sees no later position, except that everyone sees a prefix of the sequence: j ≤ i or j &lt; prefix length.</summary>
public sealed class PrefixDecoder : AttentionLayers
{
    /// <inheritdoc cref="AttentionLayers(AttentionLayersOptions, ComputeDevice, int, DType)"/>
    public PrefixDecoder(AttentionLayersOptions options, ComputeDevice device, int seed = 0, DType dtype = DType.Float32)
        : base(StackOptions.NotCausal(options, nameof(PrefixDecoder)), device, seed, dtype)
    {
    }

    /// <inheritdoc cref="AttentionLayers(AttentionLayersOptions, ParameterInitializer)"/>
    public PrefixDecoder(AttentionLayersOptions options, ParameterInitializer initializer)
        : base(StackOptions.NotCausal(options, nameof(PrefixDecoder)), initializer)
    {
    }

    /// <summary>Runs the stack.</summary>
    /// <param name="x">[batch, sequence, dim]</param>
    /// <param name="prefixAttnLen">The prefix length of each sample, or one for all; empty for none.</param>
    /// <param name="context">As for <see cref="AttentionLayers.Forward(Tensor, Tensor?, Tensor?, Tensor?, Tensor?, Tensor?, Tensor?, Tensor?, Tensor?, Tensor?, Tensor?, IList{Tensor}?)"/>.</param>
    /// <param name="mask">Likewise.</param>
    /// <param name="contextMask">Likewise.</param>
    /// <returns>[batch, sequence, dim]</returns>
    public Tensor Forward(Tensor x, ReadOnlySpan<int> prefixAttnLen, Tensor? context = null, Tensor? mask = null, Tensor? contextMask = null)
        => Run(new StackInputs(x) { Context = context, Mask = mask, ContextMask = contextMask }, prefixAttnLen);

    /// <inheritdoc/>
    public override Tensor Invoke(CallArguments arguments)
    {
        ArgumentNullException.ThrowIfNull(arguments);
        StackInputs inputs = StackInputs.From(arguments);
        int[] prefix = arguments.Optional("prefix_attn_len") is { } perSample
            ? Array.ConvertAll(perSample.ToInt64Array(), static length => checked((int)length))
            : arguments.OptionalInt32("prefix_attn_len") is { } length ? [length] : [];
        arguments.CheckAllUsed(nameof(PrefixDecoder));
        return Run(inputs, prefix);
    }

    private Tensor Run(StackInputs inputs, ReadOnlySpan<int> prefix)
    {
        inputs.Check(this);
        if (inputs.AttnMask is not null)
            throw new UnsupportedOptionException("attn_mask", "PrefixDecoder: attn_mask beside the prefix is not supported.");
        using InferenceScope scope = InferenceScope.Begin(Device);
        return scope.Keep(Forward(inputs with { AttnMask = PrefixMask(inputs.X, prefix) }));
    }

    /// <summary>bool [batch|1, 1, sequence, sequence]</summary>
    private static Tensor PrefixMask(Tensor x, ReadOnlySpan<int> prefix)
    {
        (int batch, int length) = (x.Shape[0], x.Shape[1]);
        if (prefix.Length > 1 && prefix.Length != batch)
            throw new ArgumentException($"'prefixAttnLen' has {prefix.Length} lengths, but there are {batch} samples; give one for each, or one for all.", nameof(prefix));
        int rows = Math.Max(1, prefix.Length);
        var visible = new bool[rows * length * length];
        for (int i = 0; i < visible.Length; i++)
        {
            int sample = i / (length * length), query = i / length % length, key = i % length;
            visible[i] = key <= query || (prefix.Length > 0 && key < prefix[sample]);
        }

        return Tensor.From(x.Device, [rows, 1, length, length], visible);
    }
}
