using System.Buffers.Binary;
using GpuTransformer.Host;
using Microsoft.Win32.SafeHandles;

namespace GpuTransformer.Modules;

/// <summary>
/// Reads a safetensors file tensor by tensor: opening it reads and checks the header only, and each tensor is read when asked for.
/// A malformed, truncated or hostile file is a <see cref="CheckpointException"/> before anything of the size it claims is allocated.
/// </summary>
/// <remarks>Layout: 8 bytes header length n (little-endian), n bytes JSON, then the tensors' bytes, row-major and little-endian.</remarks>
public sealed class SafetensorsReader : IDisposable
{
    private readonly ICheckpointSource _file;
    private readonly Dictionary<string, SafetensorsEntry> _entries;
    private readonly Dictionary<string, string> _metadata = [];

    private SafetensorsReader(string path, ICheckpointSource file)
    {
        Path = path;
        _file = file;
        long fileLength = file.Length;
        Span<byte> prefix = stackalloc byte[8];
        if (fileLength < prefix.Length)
            RefuseOtherFormat(fileLength);
        if (fileLength < prefix.Length)
            throw SafetensorsHeader.Bad(path, $"it has {fileLength} bytes, too few for even the header's length");
        ReadExactly(prefix, 0);
        ulong headerLength = BinaryPrimitives.ReadUInt64LittleEndian(prefix);
        if (headerLength > SafetensorsRules.LargestHeader || headerLength > (ulong)(fileLength - prefix.Length))
            RefuseOtherFormat(fileLength);
        if (headerLength > (ulong)(fileLength - prefix.Length))
            throw SafetensorsHeader.Bad(
                path, $"it claims a header of {headerLength} bytes, but the file has {fileLength}; it is truncated, or of another format");
        if (headerLength > SafetensorsRules.LargestHeader)
            throw SafetensorsHeader.Bad(path, $"it claims a header of {headerLength} bytes; the format allows {SafetensorsRules.LargestHeader}");
        byte[] json = new byte[headerLength];
        ReadExactly(json, prefix.Length);
        long dataStart = prefix.Length + json.Length;
        List<SafetensorsEntry> entries = SafetensorsHeader.Parse(path, json, dataStart, fileLength - dataStart, _metadata);
        _entries = entries.ToDictionary(static e => e.Name, StringComparer.Ordinal);
        Entries = entries;
    }

    /// <summary>The file.</summary>
    public string Path { get; }

    /// <summary>The tensors, in the header's order.</summary>
    public IReadOnlyList<SafetensorsEntry> Entries { get; }

    /// <summary>The file's <c>__metadata__</c>.</summary>
    public IReadOnlyDictionary<string, string> Metadata => _metadata;

    /// <summary>Opens a file and checks its header.</summary>
    /// <exception cref="CheckpointException">The file is malformed, truncated, or cannot be opened.</exception>
    public static SafetensorsReader Open(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        SafeFileHandle? handle = null;
        try
        {
            handle = File.OpenHandle(path, FileMode.Open, FileAccess.Read, FileShare.Read, FileOptions.RandomAccess);
            return Open(path, new CheckpointFile(handle));
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException or NotSupportedException)
        {
            handle?.Dispose();
            throw Unreadable(path, exception);
        }
    }

    /// <summary>Reads what <paramref name="source"/> holds, and owns it from then on.</summary>
    internal static SafetensorsReader Open(string path, ICheckpointSource source)
    {
        try
        {
            return new SafetensorsReader(path, source);
        }
        catch
        {
            source.Dispose();
            throw;
        }
    }

    /// <summary>Whether there is a tensor of this name.</summary>
    public bool Contains(string name) => _entries.ContainsKey(name);

    /// <summary>The entry of a tensor.</summary>
    /// <exception cref="CheckpointException">There is none of that name.</exception>
    public SafetensorsEntry this[string name] => _entries.TryGetValue(name, out SafetensorsEntry? entry)
        ? entry
        : throw new CheckpointException($"'{Path}' has no tensor '{SafetensorsHeader.Shorten(name)}'; it holds {_entries.Count} tensors.");

    /// <summary>All elements of a tensor as float32: float64 rounded, integers and booleans converted.</summary>
    /// <exception cref="CheckpointException">
    /// There is none of that name, it is stored as what cannot be read, or the file cannot be read; so in the other methods.
    /// </exception>
    public float[] ReadSingles(string name) => SafetensorsConversion.ReadAs<float>(this, this[name]);

    /// <summary>All elements of a tensor as float64, exactly.</summary>
    public double[] ReadDoubles(string name) => SafetensorsConversion.ReadAs<double>(this, this[name]);

    /// <summary>
    /// Copies a tensor to a device under its stored type (float64 as float32, short integers as longer ones), or as <paramref name="dtype"/> where it holds
    /// real numbers.
    /// </summary>
    public Tensor ReadTensor(string name, ComputeDevice device, DType? dtype = null)
    {
        SafetensorsEntry entry = this[name];
        switch (entry.Type)
        {
            case SafetensorsType.I32:
                return Tensor.From(device, entry.Shape, SafetensorsConversion.ReadRaw<int>(this, entry));
            case SafetensorsType.I64:
                return Tensor.From(device, entry.Shape, SafetensorsConversion.ReadRaw<long>(this, entry));
            case SafetensorsType.BOOL:
                return Tensor.From(device, entry.Shape, SafetensorsConversion.ReadFlags(this, entry));
            case SafetensorsType.I16 or SafetensorsType.U16 or SafetensorsType.I8 or SafetensorsType.U8:
                return Tensor.From(device, entry.Shape, SafetensorsConversion.ReadAs<int>(this, entry));
            case SafetensorsType.U32:
                return Tensor.From(device, entry.Shape, SafetensorsConversion.ReadAs<long>(this, entry));
            default:
                return Tensor.From(device, entry.Shape, ReadSingles(name), dtype ?? entry.Type.ToDType());
        }
    }

    /// <summary>Closes the file.</summary>
    public void Dispose() => _file.Dispose();

    internal void ReadExactly(Span<byte> target, long offset)
    {
        try
        {
            while (target.Length > 0)
            {
                int read = _file.Read(target, offset);
                if (read == 0)
                    throw SafetensorsHeader.Bad(Path, $"it ended {target.Length} bytes early while it was being read; something else is writing to it");
                target = target[read..];
                offset += read;
            }
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw Unreadable(Path, exception);
        }
    }

    internal int CheckedCount(SafetensorsEntry entry) => entry.Shape.Count <= Array.MaxLength
        ? (int)entry.Shape.Count
        : throw new CheckpointException($"Tensor '{entry.Name}' of '{Path}' has {entry.Shape.Count} elements; at most {Array.MaxLength} can be read at once.");

    private void RefuseOtherFormat(long fileLength)
    {
        byte[] start = new byte[Math.Min(fileLength, OtherFormats.Needed)];
        ReadExactly(start, 0);
        if (OtherFormats.Recognise(Path, start) is { } what)
            throw new CheckpointException(what);
    }

    private static CheckpointException Unreadable(string path, Exception exception)
        => new($"The checkpoint '{path}' cannot be read: {exception.Message}", exception);
}
