using GpuTransformer.Host;

namespace GpuTransformer.Modules;

/// <summary>The masks of a golden case, on the host, to find out whether causality leaves some query without a key that the masks alone would leave it.</summary>
internal sealed class CaseMasks(SafetensorsReader tensors, int batch, int heads, int queries, int keys)
{
    /// <summary>The input that is bool [batch, keys].</summary>
    public string? Keys { get; init; }

    /// <summary>The input that is integers [batch]: the first visible key; replaces <see cref="Keys"/>.</summary>
    public string? Starts { get; init; }

    /// <summary>The input that is bool [batch, queries]; where false, the output is zero anyway.</summary>
    public string? Queries { get; init; }

    /// <summary>The input that is bool [batch, keys] or [queries, keys] with any leading axes.</summary>
    public string? Pairs { get; init; }

    public bool AnyDeadRow(double? window)
    {
        float[]? keyFlags = Read(Keys), starts = Read(Starts), queryFlags = Read(Queries), pairFlags = Read(Pairs);
        Shape pairShape = pairFlags is null ? [] : tensors["input." + Pairs].Shape;
        for (int row = 0; row < batch * heads * queries; row++)
        {
            int b = row / (heads * queries), h = row / queries % heads, i = row % queries;
            if (queryFlags is not null && queryFlags[b * queries + i] == 0)
                continue;
            bool visible = false, visibleInPast = false;
            for (int j = 0; j < keys; j++)
            {
                int distance = i + keys - queries - j;
                bool keep = starts is not null ? j >= starts[b] : keyFlags is null || keyFlags[b * keys + j] != 0;
                keep &= pairFlags is null || pairFlags[PairIndex(pairShape, b, h, i, j)] != 0;
                keep &= window is null || distance <= window;
                visible |= keep;
                visibleInPast |= keep && distance >= 0;
            }

            if (visible && !visibleInPast)
                return true;
        }

        return false;
    }

    private float[]? Read(string? name) => name is not null && tensors.Contains("input." + name) ? tensors.ReadSingles("input." + name) : null;

    /// <summary>Where the flag of a pair lies: [batch, keys] for two axes that fit it, else the trailing axes of [batch, heads, queries, keys].</summary>
    private int PairIndex(Shape shape, int b, int h, int i, int j)
    {
        if (shape.Rank == 2 && Pairs == "mask")
            return b * keys + j;
        ReadOnlySpan<int> position = [b, h, i, j];
        int index = 0;
        for (int axis = 0; axis < shape.Rank; axis++)
            index = index * shape[axis] + (shape[axis] == 1 ? 0 : position[axis + 4 - shape.Rank]);
        return index;
    }
}
