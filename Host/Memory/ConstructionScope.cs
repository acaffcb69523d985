namespace GpuTransformer.Host;

/// <summary>
/// Owns every persistent tensor made on its device until <see cref="Complete"/>: a constructor that throws midway leaves nothing on the device. What was there before is left alone.
/// <code>
/// using ConstructionScope construction = device.BeginConstruction();
/// … // whatever may throw
/// construction.Complete();
/// </code>
/// </summary>
public sealed class ConstructionScope : IDisposable
{
    private readonly ComputeDevice _device;
    private readonly ConstructionScope? _outer;
    private readonly List<Tensor> _made = [];
    private bool _completed;
    private bool _disposed;

    internal ConstructionScope(ComputeDevice device, ConstructionScope? outer)
    {
        _device = device;
        _outer = outer;
    }

    /// <summary>What was made is whole, and belongs to its maker from now on; or to an enclosing scope that is not complete yet.</summary>
    public void Complete() => _completed = true;

    /// <summary>Disposes what was made, unless it is complete.</summary>
    public void Dispose()
    {
        if (_disposed)
            return;
        _disposed = true;

        // It must not throw, for an exception is under way more often than not.
        _device.Construction = _outer;
        if (_completed)
        {
            _outer?._made.AddRange(_made);
            return;
        }

        foreach (Tensor tensor in _made)
            tensor.Dispose();
    }

    internal void Add(Tensor tensor) => _made.Add(tensor);
}
