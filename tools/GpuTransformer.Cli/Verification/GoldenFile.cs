using GpuTransformer.Host;
using GpuTransformer.Modules;

namespace GpuTransformer.Cli.Verification;

/// <summary>What golden files must hold beyond what any safetensors file does.</summary>
internal static class GoldenFile
{
    /// <summary>The shape of a tensor that has so many axes.</summary>
    /// <exception cref="CheckpointException">It has others.</exception>
    public static Shape Ranked(this SafetensorsReader file, string name, int rank) => file[name].Shape is var shape && shape.Rank == rank
        ? shape
        : throw new CheckpointException($"'{file.Path}' is damaged: {name} has shape {shape}, but {rank} axes are needed.");

    /// <summary>The numbers of a tensor that has so many.</summary>
    /// <exception cref="CheckpointException">It has others.</exception>
    public static double[] ReadCounted(this SafetensorsReader file, string name, long count) => file[name].Shape.Count == count
        ? file.ReadDoubles(name)
        : throw new CheckpointException($"'{file.Path}' is damaged: {name} has shape {file[name].Shape}, but {count} numbers are needed.");
}
