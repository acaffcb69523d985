namespace GpuTransformer.Modules;

/// <summary>
/// Dynamic loss scaling for float16 (Micikevicius et al. 2018): the loss is multiplied so that small gradients survive; when a gradient overflows, the step is
/// skipped and the scale halved; after enough good steps it is doubled. bfloat16 and float32 need none: <see cref="Scale"/> stays 1.
/// </summary>
public sealed class LossScaler
{
    /// <summary>A scaler that starts at <paramref name="scale"/>.</summary>
    /// <param name="scale">A power of two, so that scaling rounds nothing; 1 switches scaling off.</param>
    /// <param name="growthInterval">Good steps between doublings.</param>
    public LossScaler(float scale = 65536f, int growthInterval = 2000)
    {
        if (!IsScale(scale))
            throw new ArgumentOutOfRangeException(nameof(scale), scale, "The loss scale is a power of two of at least 1.");
        ArgumentOutOfRangeException.ThrowIfLessThan(growthInterval, 1);
        Scale = scale;
        GrowthInterval = growthInterval;
        IsDynamic = scale > 1f;
    }

    /// <summary>What the loss is multiplied with now.</summary>
    public float Scale { get; private set; }

    /// <summary>Good steps between doublings.</summary>
    public int GrowthInterval { get; }

    /// <summary>Good steps since the scale last changed.</summary>
    public int GoodSteps { get; private set; }

    private bool IsDynamic { get; }

    /// <summary>Learns whether the step's gradients were finite.</summary>
    public void Update(bool finite)
    {
        if (!IsDynamic)
            return;
        if (!finite)
        {
            Scale = Math.Max(1f, Scale / 2f);
            GoodSteps = 0;
        }
        else if (GoodSteps >= GrowthInterval - 1)
        {
            // Beyond 2^24 nothing representable in float16 is gained.
            Scale = Math.Max(Scale, Math.Min(Scale * 2f, 16777216f));
            GoodSteps = 0;
        }
        else
        {
            GoodSteps++;
        }
    }

    /// <summary>Whether a loss may be multiplied with it: a power of two of at least 1, so that scaling rounds nothing.</summary>
    internal static bool IsScale(float scale) => scale >= 1f && float.IsPow2(scale);

    /// <summary>
    /// Goes on where an earlier run left off. A scaler that is switched off stays so: its run needs none, whatever the earlier one computed in.
    /// </summary>
    internal void Restore(float scale, int goodSteps)
    {
        if (IsDynamic)
            (Scale, GoodSteps) = (scale, goodSteps);
    }
}
