using GpuTransformer.Host;

namespace GpuTransformer.Modules;

/// <summary>
/// Parameters and the modules inside: a tree whose paths are x-transformers' <c>state_dict</c> keys, so that a PyTorch checkpoint loads without a mapping
/// table. A module owns its parameters; disposing the outermost frees them all.
/// </summary>
public abstract class Module : IDisposable
{
    private readonly List<(string Name, Tensor Value)> _parameters = [];
    private readonly List<(string Name, Module Value)> _children = [];
    private readonly List<Tensor> _constants = [];

    private protected Module(ParameterInitializer initializer)
    {
        Device = initializer.Device;
        DType = initializer.DType;
    }

    /// <summary>Where the parameters are and the computation runs.</summary>
    public ComputeDevice Device { get; }

    /// <summary>What the parameters are stored as, and what inputs must be.</summary>
    public DType DType { get; }

    /// <summary>The modules directly inside, by the last part of their path.</summary>
    public IReadOnlyList<(string Name, Module Value)> Children => _children;

    /// <summary>The number of elements of all parameters.</summary>
    public long ParameterCount => NamedParameters().Sum(static p => p.Value.Shape.Count);

    /// <summary>All parameters under their <c>state_dict</c> keys, in its order: a module's own first, then those of the modules inside.</summary>
    public IEnumerable<(string Name, Tensor Value)> NamedParameters()
    {
        foreach ((string name, Tensor value) in _parameters)
            yield return (name, value);
        foreach ((string childName, Module child) in _children)
        {
            foreach ((string name, Tensor value) in child.NamedParameters())
                yield return ($"{childName}.{name}", value);
        }
    }

    /// <summary>Calls the module with arguments under x-transformers' names, as tools do that know a call only by its description.</summary>
    /// <exception cref="ArgumentException">An argument is missing, unknown, or does not fit.</exception>
    /// <exception cref="UnsupportedOptionException">x-transformers knows the argument, this library does not.</exception>
    public abstract Tensor Invoke(CallArguments arguments);

    /// <summary>Loads a safetensors checkpoint, converting it to <see cref="DType"/>. Names and shapes must fit exactly; else nothing is loaded.</summary>
    /// <param name="path">The file.</param>
    /// <param name="prefix">What the keys of this module begin with in the file, as <c>"attn_layers."</c>; keys without it are then ignored.</param>
    /// <exception cref="CheckpointException">The file is malformed or does not fit; the message lists what is missing, unexpected or of another shape.</exception>
    public void Load(string path, string prefix = "")
    {
        using SafetensorsReader reader = SafetensorsReader.Open(path);
        StateDict.Load(this, reader, prefix);
    }

    /// <summary>Loads parameters from an open checkpoint, as <see cref="Load"/>.</summary>
    public void LoadStateDict(SafetensorsReader reader, string prefix = "") => StateDict.Load(this, reader, prefix);

    /// <summary>Writes all parameters to a safetensors file, atomically; PyTorch reads it with <c>safetensors.torch.load_file</c>.</summary>
    public void Save(string path, IReadOnlyDictionary<string, string>? metadata = null) => SafetensorsWriter.Write(path, NamedParameters(), metadata);

    /// <inheritdoc/>
    public void Dispose()
    {
        Dispose(true);
        GC.SuppressFinalize(this);
    }

    /// <summary>Frees the parameters.</summary>
    protected virtual void Dispose(bool disposing)
    {
        foreach ((_, Tensor value) in _parameters)
            value.Dispose();
        foreach (Tensor constant in _constants)
            constant.Dispose();
        foreach ((_, Module child) in _children)
            child.Dispose();
    }

    private protected Tensor AddParameter(string name, Tensor value)
    {
        _parameters.Add((name, value));
        return value;
    }

    /// <summary>A persistent tensor that belongs to the module and is in no checkpoint.</summary>
    private protected Tensor? AddConstant(Tensor? value)
    {
        if (value is not null)
            _constants.Add(value);
        return value;
    }

    private protected TModule AddChild<TModule>(string name, TModule child)
        where TModule : Module
    {
        _children.Add((name, child));
        return child;
    }
}
