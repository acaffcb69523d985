namespace GpuTransformer.Host;

/// <summary>
/// Something open on a device (an outermost step, a tape, training, a pause of either, an outermost construction) and to whom it belongs. It travels in the
/// execution context of whoever opened it, so that what continues after an <c>await</c> is known by it on any thread.
/// </summary>
internal sealed class OpenFrame(OpenFrame? outer, Thread user)
{
    private volatile bool _isOpen = true;

    /// <summary>What was open when this was opened.</summary>
    public OpenFrame? Outer { get; } = outer;

    /// <summary>Who used the device last while this was innermost.</summary>
    public Thread User { get; set; } = user;

    public bool IsOpen => _isOpen;

    public void Close() => _isOpen = false;
}
