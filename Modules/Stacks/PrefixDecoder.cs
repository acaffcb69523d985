using GpuTransformer.Host;

namespace GpuTransformer.Modules;

/// <summary>
/// A stack whose self-attention sees no later position, except that everyone sees a prefix of the sequence: j ≤ i or j &lt; prefix length. Without a prefix it
/// is a <see cref="Decoder"/>, however it is entered: through a wrapper too.
/// </summary>
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

    /// <summary>Only what the caller declares a prefix, which no wrapper does.</summary>
    internal override bool SeesTheFuture => false;

    /// <summary>Runs the stack. All masks are bool, true to keep.</summary>
    /// <param name="x">[batch, sequence, dim]</param>
    /// <param name="prefixAttnLen">The prefix length of each sample, or one for all, each 0 to sequence; empty for none.</param>
    /// <param name="context">[batch, contextLength, CrossAttn.DimContext]: needed with CrossAttend, an error without.</param>
    /// <param name="mask">bool [batch, sequence]: hides keys from self-attention and zeroes attention's output at hidden queries.</param>
    /// <param name="contextMask">bool [batch, contextLength]: hides keys from cross-attention.</param>
    /// <param name="attnMask">bool [i, j], [heads, i, j] or [batch, heads, i, j]: hides pairs that are visible otherwise.</param>
    /// <param name="condition">[batch, DimCondition] or [batch, sequence, DimCondition]: needed by adaptive norms, an error without.</param>
    /// <returns>[batch, sequence, dim]</returns>
    /// <exception cref="ArgumentException">
    /// A shape, data type, device or prefix length does not fit, or an argument is missing or superfluous; nothing was launched.
    /// </exception>
    public Tensor Forward(
        Tensor x, ReadOnlySpan<int> prefixAttnLen, Tensor? context = null, Tensor? mask = null, Tensor? contextMask = null, Tensor? attnMask = null,
        Tensor? condition = null)
        => Forward(x, new StackInputs
        {
            Context = context,
            Mask = mask,
            ContextMask = contextMask,
            AttnMask = attnMask,
            Condition = condition,
            PrefixAttnLen = Array.ConvertAll(prefixAttnLen.ToArray(), static length => (long)length),
        });

    private protected override StackInputs Read(CallArguments arguments) => base.Read(arguments) with
    {
        PrefixAttnLen = arguments.Optional("prefix_attn_len") is { } perSample ? perSample.ToInt64Array()
            : arguments.OptionalInt32("prefix_attn_len") is { } length ? [length] : null,
    };

    // Without a prefix the kernels know the rule themselves, and no mask of all pairs is needed.
    private protected override StackInputs Prepare(Tensor x, StackInputs inputs)
    {
        long[] prefix = [.. inputs.PrefixAttnLen ?? []];
        Check(prefix, x.Shape);
        if (prefix.All(static length => length <= 1))
            return inputs with { Causal = true };
        Tensor visible = PrefixMask.Of(x.Device, prefix, x.Shape[1]);
        if (inputs.AttnMask is null)
            return inputs with { AttnMask = visible };
        Shape pairs = [x.Shape[0], Options.Heads, x.Shape[1], x.Shape[1]];
        return inputs with { AttnMask = PrefixMask.Both(visible, ForwardChecks.Pairs(this, inputs.AttnMask, pairs, "attnMask")!) };
    }

    private static void Check(long[] prefix, Shape x)
    {
        if (prefix.Length > 1 && prefix.Length != x[0])
            throw ForwardChecks.Wrong(
                "prefixAttnLen", $"'prefixAttnLen' has {prefix.Length} lengths, but there are {x[0]} samples; give one for each, or one for all.");
        foreach (long length in prefix)
        {
            if (length < 0 || length > x[1])
                throw ForwardChecks.Wrong("prefixAttnLen", $"'prefixAttnLen' holds {length}, but a prefix of 'x' {x} has 0 to {x[1]} positions.");
        }
    }
}
