using GpuTransformer.Host;

namespace GpuTransformer.Modules;

/// <summary>
/// The device memory that a stack's intermediate results take, from its options alone. An estimate: the pool rounds each tensor up by at most an eighth,
/// and what only rare options add is left out.
/// </summary>
/// <param name="Inputs">The input, the context and the masks.</param>
/// <param name="Inference">The most that is alive at once in a forward pass without gradients, the result included: linear in both lengths.</param>
/// <param name="Training">All intermediate results of a forward pass, which a tape keeps for backward.</param>
public sealed record ActivationMemory(long Inputs, long Inference, long Training)
{
    /// <summary>The estimate for one input.</summary>
    /// <param name="options">The stack.</param>
    /// <param name="batch">Samples.</param>
    /// <param name="length">Positions of each sample.</param>
    /// <param name="contextLength">Positions of its context; 0 without cross-attention.</param>
    /// <param name="dtype">What the model is stored as.</param>
    public static ActivationMemory Estimate(AttentionLayersOptions options, int batch, int length, int contextLength, DType dtype = DType.Float32)
    {
        ArgumentNullException.ThrowIfNull(options);
        OptionChecks.NotNegative(batch, nameof(batch));
        OptionChecks.NotNegative(length, nameof(length));
        OptionChecks.NotNegative(contextLength, nameof(contextLength));
        long size = dtype.SizeInBytes(), stream = size * batch * length * options.Dim;
        var layer = new LayerMemory(options, length, contextLength);
        long largest = 0, sum = 0;
        foreach (LayerKind kind in OrderedKinds(options))
        {
            long bytes = size * batch * layer.Elements(kind);

            // A processor widens a two-byte operand of a matrix product to float32 for the time of the launch.
            long widened = dtype == DType.Float32 ? 0 : DType.Float32.SizeInBytes() * batch * layer.WidestOperand(kind);
            largest = Math.Max(largest, bytes + widened);
            sum += bytes;
        }

        long end = (options.SoftclampOutput ? stream : 0) + (options.HasFinalNorm ? stream : 0);
        AttentionOptions cross = options.CrossAttention();
        long inputs = stream + (long)batch * length + (options.CrossAttend ? (size * cross.SourceDim + 1) * batch * contextLength : 0);

        // While a layer runs, the stream it reads is alive besides what it makes; at the end the stream and the normed result.
        return new ActivationMemory(inputs, stream + Math.Max(largest, end), sum + end);
    }

    /// <summary>The largest batch whose inputs and intermediate results fit beside the parameters.</summary>
    /// <param name="options">The stack.</param>
    /// <param name="parameters">How many parameters the model has.</param>
    /// <param name="length">Positions of each sample.</param>
    /// <param name="contextLength">Positions of its context; 0 without cross-attention.</param>
    /// <param name="deviceBytes">The device's memory.</param>
    /// <param name="dtype">What the model is stored as.</param>
    /// <returns>0 if not even one sample fits.</returns>
    public static int LargestBatch(
        AttentionLayersOptions options, long parameters, int length, int contextLength, long deviceBytes, DType dtype = DType.Float32)
    {
        ActivationMemory one = Estimate(options, 1, length, contextLength, dtype);

        // Every term is proportional to the batch. A tenth of the device stays free for the driver, and an eighth for the pool's rounding.
        double room = 0.9 * deviceBytes - parameters * dtype.SizeInBytes(), each = 1.125 * (one.Inputs + one.Inference);
        return (int)Math.Clamp(room / Math.Max(1, each), 0, int.MaxValue);
    }

    private static IEnumerable<LayerKind> OrderedKinds(AttentionLayersOptions options)
    {
        LayerPlan plan = LayerPlan.Of(options);
        return plan.Order.Select(index => plan.Layers[index]);
    }
}

/// <summary>How many numbers one sample's tensors hold in one layer.</summary>
internal sealed record LayerMemory(AttentionLayersOptions Options, int Length, int ContextLength)
{
    // Where scores are in memory: as products, scaled, hidden, as weights, and as weights with what is hidden at zero; each option adds one or two more.
    private const int ScoreTensors = 6;

    public long Elements(LayerKind kind)
    {
        int streams = 1 + (Options.HasPreNorm ? 1 : 0) + (Options.HasPostNorm ? 1 : 0) + (Options.SandwichNorm ? 1 : 0);
        bool wrapped = Options.UseLayerscale || Options.UseAdaptiveLayerscale || (Options.Macaron && kind == LayerKind.FeedForward);
        if (wrapped || Options.SandwichNorm)
            streams += wrapped ? 2 : 1;
        if (Options.ScaleResidual)
            streams++;
        return (long)streams * Length * Options.Dim + (kind == LayerKind.FeedForward ? FeedForward() : Attention(kind));
    }

    /// <summary>The largest left operand of a matrix product in the layer.</summary>
    public long WidestOperand(LayerKind kind)
    {
        if (kind == LayerKind.FeedForward)
            return (long)Length * Math.Max(Options.Dim, Options.FeedForward().InnerDim);
        AttentionOptions attention = kind == LayerKind.CrossAttention ? Options.CrossAttention() : Options.SelfAttention();
        long keys = kind == LayerKind.CrossAttention ? ContextLength : Length;
        return Math.Max(keys * attention.SourceDim, (long)Length * Math.Max(Options.Dim, attention.MergedWidth));
    }

    private long FeedForward()
    {
        FeedForwardOptions ff = Options.FeedForward();
        return (long)ff.InnerDim * Length * ((ff.Glu ? 3 : 1) + (ff.PostActLn ? 1 : 0) + (!ff.Glu && ff.SoftclampValue is not null ? 2 : 0));
    }

    private long Attention(LayerKind kind)
    {
        AttentionOptions attention = kind == LayerKind.CrossAttention ? Options.CrossAttention() : Options.SelfAttention();
        long keys = kind == LayerKind.CrossAttention ? ContextLength : Length, copies = attention.NumMemKv > 0 || attention.AddZeroKv ? 2 : 1;
        long scores = attention.NeedScores.Count == 0 ? 0 : (long)attention.QueryHeads * Length * (keys + attention.NumMemKv);
        return (long)Length * (attention.QueryWidth + attention.MergedWidth) + copies * keys * (attention.KeyWidth + attention.ValueWidth)
            + ScoreTensors * scores;
    }
}
