namespace GpuTransformer.Host;

public sealed partial class ComputeDevice
{
    internal ConstructionScope? Construction { get; set; }

    /// <summary>Watches over a construction: persistent tensors made until the result is disposed are disposed with it, unless it was completed. Constructions nest.</summary>
    public ConstructionScope BeginConstruction()
    {
        ThrowIfDisposed();
        return Construction = new ConstructionScope(this, Construction);
    }
}
