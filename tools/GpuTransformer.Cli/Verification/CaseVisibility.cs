using GpuTransformer.Host;
using GpuTransformer.Modules;

namespace GpuTransformer.Cli.Verification;

/// <summary>Which keys the masks of a case leave to each query, on the host, to find the queries that causality then leaves without any.</summary>
internal sealed class CaseVisibility
{
    private readonly int _batch, _heads, _queries, _keys;
    private readonly float[]? _keyFlags, _starts, _queryFlags, _pairFlags;
    private readonly Shape _pairShape;
    private readonly double? _window;

    /// <summary>Reads the masks.</summary>
    /// <param name="file">The case's tensors.</param>
    /// <param name="size">Batch, heads, queries and keys.</param>
    /// <param name="keyMask">An input that is bool [batch, keys], or null.</param>
    /// <param name="starts">An input that is integers [batch], the first visible key, and replaces the key mask; or null.</param>
    /// <param name="queryMask">An input that is bool [batch, queries]: where false, the attention's output is zero anyway; or null.</param>
    /// <param name="pairMask">An input that is bool [queries, keys] with any leading axes, or null.</param>
    /// <param name="window">How far back a query sees, or null.</param>
    public CaseVisibility(
        SafetensorsReader file,
        (int Batch, int Heads, int Queries, int Keys) size,
        string? keyMask,
        string? starts = null,
        string? queryMask = null,
        string? pairMask = null,
        double? window = null)
    {
        (_batch, _heads, _queries, _keys) = size;
        _keyFlags = Read(file, keyMask);
        _starts = Read(file, starts);
        _queryFlags = Read(file, queryMask);
        _pairFlags = Read(file, pairMask);
        _pairShape = _pairFlags is null ? [] : file[pairMask!].Shape;
        _window = window;
    }

    /// <summary>
    /// [batch, heads, queries]: true where the masks leave keys, but only future ones. Causality is aligned so that the last query sees the last key.
    /// </summary>
    /// <remarks>A query whose keys are all masked is none of them: it gives zero in x-transformers too.</remarks>
    public bool[] DeadRows()
    {
        var dead = new bool[_batch * _heads * _queries];
        for (int row = 0; row < dead.Length && _queries > 1; row++)
        {
            (int b, int h, int i) = (row / (_heads * _queries), row / _queries % _heads, row % _queries);
            bool counts = _queryFlags is null || _queryFlags[b * _queries + i] != 0;
            bool visible = false, visibleInPast = false;
            for (int j = 0; counts && j < _keys; j++)
            {
                bool isVisible = IsVisible(b, h, i, j);
                visible |= isVisible;
                visibleInPast |= isVisible && IsPast(i, j);
            }

            dead[row] = visible && !visibleInPast;
        }

        return dead;
    }

    /// <summary>
    /// [batch, queries]: the positions that differ at the end of a stack in which <paramref name="dead"/> rows differ: those themselves, and whatever
    /// sees them as keys in a later layer.
    /// </summary>
    public bool[] Spread(bool[] dead)
    {
        var affected = new bool[_batch * _queries];
        for (int row = 0; row < dead.Length; row++)
            affected[row / (_heads * _queries) * _queries + row % _queries] |= dead[row];
        bool grew = true;
        while (grew)
        {
            grew = false;
            for (int row = 0; row < affected.Length; row++)
            {
                if (!affected[row] && SeesAny(affected, row / _queries, row % _queries))
                    affected[row] = grew = true;
            }
        }

        return affected;
    }

    private bool SeesAny(bool[] affected, int b, int i)
    {
        for (int j = 0; j < _keys; j++)
        {
            for (int h = 0; h < _heads && affected[b * _queries + j] && IsPast(i, j); h++)
            {
                if (IsVisible(b, h, i, j))
                    return true;
            }
        }

        return false;
    }

    private bool IsPast(int i, int j) => j <= i + _keys - _queries;

    private bool IsVisible(int b, int h, int i, int j)
        => (_starts is not null ? j >= _starts[b] : _keyFlags is null || _keyFlags[b * _keys + j] != 0)
        && (_pairFlags is null || _pairFlags[PairIndex(b, h, i, j)] != 0)
        && (_window is null || i + _keys - _queries - j <= _window);

    private int PairIndex(int b, int h, int i, int j)
    {
        ReadOnlySpan<int> position = [b, h, i, j];
        int index = 0;
        for (int axis = 0; axis < _pairShape.Rank; axis++)
            index = index * _pairShape[axis] + (_pairShape[axis] == 1 ? 0 : position[axis + 4 - _pairShape.Rank]);
        return index;
    }

    private static float[]? Read(SafetensorsReader file, string? name) => name is not null && file.Contains(name) ? file.ReadSingles(name) : null;
}
