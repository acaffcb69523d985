namespace GpuTransformer.Host;

/// <summary>
/// Owns every tensor made on its device while it is the innermost open scope, and disposes them when it closes. Open one per inference or training step:
/// <c>using StepScope step = device.BeginStep();</c>. What must outlive the step is named with <see cref="Keep"/>.
/// </summary>
public sealed class StepScope : IDisposable
{
    private readonly ComputeDevice _device;
    private readonly StepScope? _parent;
    private readonly List<Tensor> _tensors;
    private bool _disposed;

    internal StepScope(ComputeDevice device, StepScope? parent, List<Tensor> storage)
    {
        _device = device;
        _parent = parent;
        _tensors = storage;
    }

    /// <summary>Hands <paramref name="tensor"/> to the enclosing scope or, if there is none, to the caller, who then disposes it.</summary>
    /// <exception cref="ObjectDisposedException">The scope has closed, and its tensors are gone.</exception>
    public Tensor Keep(Tensor tensor)
    {
        ArgumentNullException.ThrowIfNull(tensor);
        ObjectDisposedException.ThrowIf(_disposed, this);
        if (ReferenceEquals(tensor.Scope, this))
        {
            tensor.Scope = _parent;
            _parent?._tensors.Add(tensor);
        }

        return tensor;
    }

    /// <summary>Disposes the tensors of this scope, their memory going back to the device's pool.</summary>
    /// <exception cref="InvalidOperationException">A scope opened later is still open.</exception>
    public void Dispose()
    {
        if (_disposed)
            return;
        _device.CloseScope(this, _parent);
        _disposed = true;
        foreach (Tensor tensor in _tensors)
        {
            if (ReferenceEquals(tensor.Scope, this))
                tensor.Dispose();
        }

        _tensors.Clear();
        _device.RecycleScopeStorage(_tensors);
    }

    internal void Add(Tensor tensor) => _tensors.Add(tensor);
}
