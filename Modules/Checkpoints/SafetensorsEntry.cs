using GpuTransformer.Host;

namespace GpuTransformer.Modules;

/// <summary>One tensor of a safetensors file. By the time it exists, its bytes are known to lie inside the file and to be as many as its shape needs.</summary>
/// <param name="Name">Its key: the state_dict path in a PyTorch checkpoint.</param>
/// <param name="Type">How it is stored; <see cref="SafetensorsType.Other"/> for what cannot be read.</param>
/// <param name="Shape">Its axis lengths.</param>
/// <param name="FileOffset">Where it starts, in bytes from the start of the file.</param>
public sealed record SafetensorsEntry(string Name, SafetensorsType Type, Shape Shape, long FileOffset)
{
    /// <summary>The file's own word for how it is stored.</summary>
    public string TypeName { get; init; } = Type.ToString();

    /// <summary>How many bytes it takes.</summary>
    public long Bytes { get; init; } = Shape.Count * Type.SizeInBytes();
}
