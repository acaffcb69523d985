using GpuTransformer.Host;

namespace GpuTransformer.Modules;

/// <content>What a checkpoint holds, and how it is read and written.</content>
public abstract partial class Module
{
    private readonly List<(string Name, Tensor Value)> _buffers = [];

    /// <summary>What a checkpoint holds beside the parameters and no training changes, as PyTorch's buffers: under their <c>state_dict</c> keys.</summary>
    public IEnumerable<(string Name, Tensor Value)> NamedBuffers()
        => _buffers.Concat(_children.SelectMany(static child => child.Value.NamedBuffers().Select(b => ($"{child.Name}.{b.Name}", b.Value))));

    /// <summary>
    /// Loads a safetensors checkpoint, converting it to <see cref="DType"/>: all of it or, whatever goes wrong, nothing. Names and shapes must fit exactly,
    /// except that of the names of a tied parameter one is enough. Everything is read into the host's memory first, four bytes for each parameter.
    /// </summary>
    /// <param name="path">The file.</param>
    /// <param name="prefix">What the keys of this module begin with in the file, as <c>"attn_layers."</c>; keys without it are then ignored.</param>
    /// <exception cref="CheckpointException">
    /// The file is malformed, cannot be read or does not fit; the message lists what is missing, unexpected or of another shape.
    /// </exception>
    /// <exception cref="InsufficientMemoryException">The host has no room for all of it.</exception>
    public void Load(string path, string prefix = "")
    {
        using SafetensorsReader reader = SafetensorsReader.Open(path);
        StateDict.Load(this, reader, prefix);
    }

    /// <summary>Loads parameters from an open checkpoint, as <see cref="Load"/>.</summary>
    public void LoadStateDict(SafetensorsReader reader, string prefix = "") => StateDict.Load(this, reader, prefix);

    /// <summary>
    /// Writes all parameters to a safetensors file, atomically; PyTorch reads it with <c>safetensors.torch.load_file</c>. A tied parameter is under each of its
    /// names.
    /// </summary>
    /// <exception cref="ArgumentException">The metadata holds what no file can: null, or a text with half a surrogate pair.</exception>
    public void Save(string path, IReadOnlyDictionary<string, string>? metadata = null)
        => SafetensorsWriter.Write(path, NamedParameters().Concat(NamedBuffers()), metadata);

    /// <summary>Makes <paramref name="value"/> a buffer: saved and loaded under <paramref name="name"/>, never trained, disposed with the module.</summary>
    /// <param name="name">The last part of its <c>state_dict</c> key; no dot inside.</param>
    /// <param name="value">A persistent tensor.</param>
    /// <returns><paramref name="value"/></returns>
    /// <exception cref="ArgumentException">The name is taken, empty or has a dot.</exception>
    protected Tensor AddBuffer(string name, Tensor value)
    {
        ArgumentNullException.ThrowIfNull(value);
        CheckName(name);
        _buffers.Add((name, value));
        return value;
    }
}
