using System.Globalization;
using GpuTransformer.Host;

namespace GpuTransformer.Modules;

/// <summary>
/// Whether parameters fit a device, before any of them is made: a model that is too large is refused at once rather than when the device is full.
/// </summary>
internal static class ParameterMemory
{
    /// <summary>Refuses what the device has no room for. A device that does not say how much memory it has is left to find out.</summary>
    /// <exception cref="InsufficientMemoryException">There is not enough memory; the message has the numbers.</exception>
    public static void Check(ComputeDevice device, double bytes, string what)
    {
        long all = device.Description.MemoryBytes, used = device.Statistics.BytesInUse;
        if (all > 0 && bytes > all - used)
        {
            throw new InsufficientMemoryException(string.Create(
                CultureInfo.InvariantCulture,
                $"{what} takes at least {bytes:N0} bytes, but {device.Id} has {all:N0}, of which {used:N0} are in use. Use fewer or narrower layers, or "
                    + $"dispose other models."));
        }
    }

    /// <summary>Refuses layers whose options contradict each other, and a stack whose projections alone do not fit.</summary>
    /// <exception cref="ArgumentException">The options contradict each other.</exception>
    /// <exception cref="InsufficientMemoryException">There is not enough memory.</exception>
    public static void Check(ComputeDevice device, DType dtype, AttentionLayersOptions options, IReadOnlyList<LayerKind> layers)
    {
        double count = 0;
        foreach (IGrouping<LayerKind, LayerKind> kind in layers.GroupBy(static k => k))
        {
            // Layers of a kind are alike, unless each has options of its own.
            int different = kind.Key switch
            {
                LayerKind.SelfAttention => options.AttnEach?.Count ?? 1,
                LayerKind.CrossAttention => options.CrossAttnEach?.Count ?? 1,
                _ => options.FfEach?.Count ?? 1,
            };
            for (int i = 0; i < different; i++)
            {
                count += (double)kind.Count() / different * kind.Key switch
                {
                    LayerKind.SelfAttention => Count(options.SelfAttention(i)),
                    LayerKind.CrossAttention => Count(options.CrossAttention(i)),
                    _ => Count(options.FeedForward(i)),
                };
            }
        }

        Check(device, count * dtype.SizeInBytes(), $"A stack of {layers.Count} layers of width {options.Dim}");
    }

    /// <summary>The weights of an attention's projections, at least.</summary>
    private static double Count(AttentionOptions options)
    {
        options.Validate();
        double queryFrom = options.UseLatentQ ? options.DimLatentQ!.Value : options.InputDim;
        double sourceFrom = options.UseLatentKv ? Math.Min(options.DimLatentKv!.Value, options.SourceDim) : options.SourceDim;
        return queryFrom * options.QueryWidth + sourceFrom * options.KeyWidth + sourceFrom * options.ValueWidth
            + (options.HasOutputProjection ? (double)options.MergedWidth * options.OutputDim * (options.OnAttn ? 2 : 1) : 0)
            + (double)options.NumMemKv * ((double)options.KeyWidth + options.ValueWidth);
    }

    /// <summary>The weights of a feedforward's projections, at least.</summary>
    private static double Count(FeedForwardOptions options)
    {
        options.Validate();
        return (double)options.InputDim * options.InnerDim * (options.Glu ? 2 : 1) + (double)options.InnerDim * options.OutputDim;
    }
}
