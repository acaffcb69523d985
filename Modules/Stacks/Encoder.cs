using GpuTransformer.Host;

namespace GpuTransformer.Modules;

/// <summary>A stack whose self-attention sees the whole sequence.</summary>
public sealed class Encoder : AttentionLayers
{
    /// <inheritdoc cref="AttentionLayers(AttentionLayersOptions, ComputeDevice, int, DType)"/>
    public Encoder(AttentionLayersOptions options, ComputeDevice device, int seed = 0, DType dtype = DType.Float32)
        : base(StackOptions.NotCausal(options, nameof(Encoder)), device, seed, dtype)
    {
    }

    /// <inheritdoc cref="AttentionLayers(AttentionLayersOptions, ParameterInitializer)"/>
    public Encoder(AttentionLayersOptions options, ParameterInitializer initializer)
        : base(StackOptions.NotCausal(options, nameof(Encoder)), initializer)
    {
    }
}

/// <summary>A stack whose self-attention sees no later position.</summary>
public sealed class Decoder : AttentionLayers
{
    /// <inheritdoc cref="AttentionLayers(AttentionLayersOptions, ComputeDevice, int, DType)"/>
    public Decoder(AttentionLayersOptions options, ComputeDevice device, int seed = 0, DType dtype = DType.Float32)
        : base(StackOptions.Of(options) with { Causal = true }, device, seed, dtype)
    {
    }

    /// <inheritdoc cref="AttentionLayers(AttentionLayersOptions, ParameterInitializer)"/>
    public Decoder(AttentionLayersOptions options, ParameterInitializer initializer)
        : base(StackOptions.Of(options) with { Causal = true }, initializer)
    {
    }
}

/// <summary>A stack of cross-attention and feedforward only.</summary>
public sealed class CrossAttender : AttentionLayers
{
    /// <inheritdoc cref="AttentionLayers(AttentionLayersOptions, ComputeDevice, int, DType)"/>
    public CrossAttender(AttentionLayersOptions options, ComputeDevice device, int seed = 0, DType dtype = DType.Float32)
        : base(StackOptions.NotCausal(options, nameof(CrossAttender)) with { CrossAttend = true, OnlyCross = true }, device, seed, dtype)
    {
    }

    /// <inheritdoc cref="AttentionLayers(AttentionLayersOptions, ParameterInitializer)"/>
    public CrossAttender(AttentionLayersOptions options, ParameterInitializer initializer)
        : base(StackOptions.NotCausal(options, nameof(CrossAttender)) with { CrossAttend = true, OnlyCross = true }, initializer)
    {
    }
}

/// <summary>A stack of one block (unless Depth says otherwise) without a final norm (unless PreNormHasFinalNorm says otherwise): a building brick.</summary>
public sealed class TransformerBlock : AttentionLayers
{
    /// <inheritdoc cref="AttentionLayers(AttentionLayersOptions, ComputeDevice, int, DType)"/>
    public TransformerBlock(AttentionLayersOptions options, ComputeDevice device, int seed = 0, DType dtype = DType.Float32)
        : base(
            StackOptions.Of(options) with { Depth = StackOptions.Of(options).Depth ?? 1, PreNormHasFinalNorm = options.PreNormHasFinalNorm ?? false },
            device,
            seed,
            dtype)
    {
    }

    /// <inheritdoc cref="AttentionLayers(AttentionLayersOptions, ParameterInitializer)"/>
    public TransformerBlock(AttentionLayersOptions options, ParameterInitializer initializer)
        : base(
            StackOptions.Of(options) with { Depth = StackOptions.Of(options).Depth ?? 1, PreNormHasFinalNorm = options.PreNormHasFinalNorm ?? false },
            initializer)
    {
    }
}

/// <summary>What the kinds of stack fix.</summary>
internal static class StackOptions
{
    public static AttentionLayersOptions Of(AttentionLayersOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        return options;
    }

    public static AttentionLayersOptions NotCausal(AttentionLayersOptions options, string kind) => Of(options).Causal
        ? throw new ArgumentException($"Causal = true, but the class decides causality and the {kind} is not causal; use a {nameof(Decoder)}.", nameof(options))
        : options;
}
