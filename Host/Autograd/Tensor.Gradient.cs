namespace GpuTransformer.Host;

public sealed partial class Tensor
{
    private bool _tracked;

    /// <summary>
    /// Whether <see cref="StepScope.Backward"/> should leave this tensor's gradient in <see cref="Gradient"/>: true for parameters that learn, and for
    /// inputs whose gradient is of interest.
    /// </summary>
    public bool RequiresGradient { get; set; }

    /// <summary>dL/dtensor, summed over all backward passes since <see cref="ClearGradient"/>; null while there is none.</summary>
    public Tensor? Gradient { get; private set; }

    /// <summary>Whether an operator that reads this tensor must be recorded.</summary>
    internal bool IsTracked
    {
        get => RequiresGradient || _tracked;
        set => _tracked = value;
    }

    /// <summary>The same numbers, cut off from what led to them: no gradient flows through the result.</summary>
    public Tensor Detach()
    {
        using DeviceTurn turn = Device.Enter();
        return new Tensor(Device, Shape, DType, Buffer, _offset, scoped: true);
    }

    /// <summary>Forgets the gradient; its memory goes back to the pool.</summary>
    public void ClearGradient() => DropGradient();

    /// <summary>
    /// The leaf gradient's own memory, for a backward operator that writes or adds straight into it.
    /// </summary>
    /// <param name="accumulate">True where it holds an earlier gradient to add to; false where its contents are undefined.</param>
    internal Tensor GradientTarget(out bool accumulate)
    {
        accumulate = Gradient is not null;
        return Gradient ??= Persistent(Device, Shape, DType);
    }

    internal void ShareGradient(Tensor gradient) => Gradient = gradient.Share();

    /// <summary>As <see cref="DropGradient"/>, as part of a duty.</summary>
    internal void ReleaseGradient()
    {
        Gradient?.Release();
        Gradient = null;
    }

    internal void DropGradient()
    {
        Gradient?.Dispose();
        Gradient = null;
    }
}
