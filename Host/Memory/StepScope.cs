namespace GpuTransformer.Host;

/// <summary>
/// Owns every tensor made on its device while it is the innermost open scope, and disposes them when it closes. Open one per inference or training step:
/// <c>using StepScope step = device.BeginStep();</c>. What must outlive the step is named with <see cref="Keep"/>.
/// </summary>
public sealed class StepScope : IDisposable, IDeviceDuty
{
    private readonly ComputeDevice _device;
    private readonly OpenFrame? _frame;

    internal StepScope(ComputeDevice device, StepScope? parent, List<Tensor> storage, OpenFrame? frame, int ticks)
    {
        _device = device;
        Parent = parent;
        Storage = storage;
        Ticks = ticks;
        _frame = frame ?? parent?._frame;
    }

    internal StepScope? Parent { get; }

    /// <summary>The tensors that were made in it, also those that were kept or disposed since.</summary>
    internal List<Tensor> Storage { get; private set; }

    internal bool IsClosed { get; private set; }

    /// <summary>How much of a step it is, for the pool's clock.</summary>
    internal int Ticks { get; }

    /// <summary>Hands <paramref name="tensor"/> to the enclosing scope or, if there is none, to the caller, who then disposes it.</summary>
    /// <exception cref="ObjectDisposedException">The scope has closed, and its tensors are gone.</exception>
    /// <exception cref="DeviceInUseException">Another thread is using the device.</exception>
    public Tensor Keep(Tensor tensor)
    {
        ArgumentNullException.ThrowIfNull(tensor);
        ObjectDisposedException.ThrowIf(IsClosed, this);
        using DeviceTurn turn = _device.Turns.Enter(_frame);
        if (ReferenceEquals(tensor.Scope, this))
        {
            tensor.Scope = Parent;
            if (Parent is null)
                _device.Statistics.CountOutsideScopes(1);
            else
                Parent.Storage.Add(tensor);
        }

        return tensor;
    }

    /// <summary>
    /// Disposes the tensors of this scope, their memory going back to the device's pool. Scopes that were opened inside it and forgotten close with it; doing so twice is harmless. Throws
    /// nothing, so that it never hides the exception on which a <c>using</c> block is left.
    /// </summary>
    public void Dispose()
    {
        if (IsClosed)
            return;
        _device.Turns.Perform(this);
        _device.Turns.ForgetClosed();
    }

    void IDeviceDuty.Perform() => _device.CloseScope(this);

    /// <summary>Opens it again, within the same operation.</summary>
    internal void Reopen(List<Tensor> storage)
    {
        Storage = storage;
        IsClosed = false;
    }

    /// <summary>Part of a duty.</summary>
    internal void Release()
    {
        IsClosed = true;
        foreach (Tensor tensor in Storage)
        {
            if (ReferenceEquals(tensor.Scope, this))
                tensor.Release();
        }

        Storage.Clear();
        if (Parent is null)
            _device.Turns.Close(_frame);
    }
}
