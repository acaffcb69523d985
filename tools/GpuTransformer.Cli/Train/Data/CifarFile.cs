namespace GpuTransformer.Cli.Train.Data;

/// <summary>CIFAR-10's binary version: records of a label and 32 × 32 pixels, all of the red ones, then the green, then the blue.</summary>
internal static class CifarFile
{
    private const int Side = 32, Plane = Side * Side, RecordLength = 1 + 3 * Plane, Labels = 10;

    /// <summary>Reads all images of a file.</summary>
    /// <exception cref="UsageException">It is damaged or something else.</exception>
    public static IReadOnlyList<RawImage> Read(string path)
    {
        long length = new FileInfo(path).Length;
        if (length == 0 || length % RecordLength != 0 || length > Array.MaxLength)
            throw new UsageException(
                $"'{path}' has {length} bytes; a CIFAR-10 file has a multiple of {RecordLength}: a label and 3 × {Side} × {Side} pixels for each image.");
        byte[] file = File.ReadAllBytes(path);
        return [.. Enumerable.Range(0, file.Length / RecordLength).Select(record => Read(path, file, record))];
    }

    private static RawImage Read(string path, byte[] file, int record)
    {
        int at = record * RecordLength;
        if (file[at] >= Labels)
            throw new UsageException(
                $"'{path}' has label {file[at]} at byte {at}; CIFAR-10's labels are 0 to {Labels - 1}, so this is something else or damaged.");
        var pixels = new byte[3 * Plane];
        for (int i = 0; i < pixels.Length; i++)
            pixels[i] = file[at + 1 + i % 3 * Plane + i / 3];
        return new RawImage(Side, Side, 3, pixels);
    }
}
