using System.Buffers.Binary;
using System.Diagnostics;
using System.Globalization;
using GpuTransformer.Cli;
using GpuTransformer.Cli.Train.Data;
using GpuTransformer.Cli.Train.Pictures;

namespace GpuTransformer.Tests.Cli.Train;

/// <summary>Damages intact pictures at random, reads each, and keeps count: a picture or a <see cref="UsageException"/>, nothing else.</summary>
internal sealed class PictureMutation(string extension, int seed) : IDisposable
{
    private static readonly uint[] s_interesting = [0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0x10000, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF];

    private readonly byte[][] _seeds = PictureSeeds.Of(extension);
    private readonly Random _random = new(seed);
    private readonly TrainingFolder _folder = new();
    private readonly byte[] _target = new byte[8 * 8 * 3];

    public int Pictures { get; private set; }

    public int Refused { get; private set; }

    /// <summary>The longest time that a file took.</summary>
    public TimeSpan Longest { get; private set; }

    /// <summary>The most time that the processor spent on a file, which does not count what other programs take.</summary>
    public TimeSpan MostWork { get; private set; }

    /// <summary>
    /// The most memory that the process took beyond what it had before, and beyond a picture's own size of one byte for each sample; 0 where Linux is not there
    /// to tell.
    /// </summary>
    public long MostBytesBeyond { get; private set; }

    public override string ToString() => string.Create(
        CultureInfo.InvariantCulture,
        $"{extension}: {Pictures + Refused} files, {Pictures} pictures, {Refused} refused, longest {Longest.TotalMilliseconds:f0} ms "
            + $"({MostWork.TotalMilliseconds:f0} ms of the processor), {MostBytesBeyond / 1e6:f1} MB beyond the picture's own size");

    public void Dispose() => _folder.Dispose();

    /// <summary>Tries a number of files.</summary>
    public void Run(int count)
    {
        for (int i = 0; i < count; i++)
            Try(Mutate());
    }

    private void Try(byte[] file)
    {
        string path = _folder[$"mutated.{extension}"];
        File.WriteAllBytes(path, file);
        long before = ResetPeak(), start = Stopwatch.GetTimestamp();
        TimeSpan worked = Environment.CpuUsage.TotalTime;
        try
        {
            PictureFile.ReadInto(path, 8, 3, _target);
            Pictures++;
        }
        catch (UsageException)
        {
            Refused++;
        }
        catch (Exception exception)
        {
            Assert.Fail($"{exception.GetType().Name}: {exception.Message}\n{Convert.ToBase64String(file)}");
        }

        (TimeSpan time, TimeSpan work) = (Stopwatch.GetElapsedTime(start), Environment.CpuUsage.TotalTime - worked);
        Longest = time > Longest ? time : Longest;
        MostWork = work > MostWork ? work : MostWork;
        MostBytesBeyond = Math.Max(MostBytesBeyond, Status("VmHWM") - before - OwnSize(path));
    }

    private byte[] Mutate()
    {
        if (extension == "png" && _random.Next(4) == 0)
            return ArbitraryPng();
        var file = new List<byte>(_seeds[_random.Next(_seeds.Length)]);
        for (int times = _random.Next(1, 5); times > 0 && file.Count > 0; times--)
            Damage(file);
        byte[] bytes = [.. file];

        // A checksum finds every change; what is behind it is tried with checksums that fit.
        if (extension == "png" && _random.Next(4) > 0)
            MendChecksums(bytes);
        return bytes;
    }

    // Every layer intact but the last: rows of noise, too few or too many, for a header of any kind.
    private byte[] ArbitraryPng()
    {
        var rows = new byte[_random.Next(2) == 0 ? 4000 : _random.Next(400)];
        _random.NextBytes(rows);
        for (int i = 0; i < rows.Length; i++)
            rows[i] = (byte)(_random.Next(4) == 0 ? rows[i] : rows[i] % 5);
        int colour = _random.Next(8), bits = _random.Next(2) == 0 ? 8 : 1 << _random.Next(6), limit = 1 << _random.Next(1, _random.Next(2) == 0 ? 5 : 17);
        return PictureSeeds.Png(_random.Next(1, limit), _random.Next(1, limit), bits, colour, _random.Next(2) == 0, rows);
    }

    private void Damage(List<byte> file)
    {
        // Headers decide the most, so half of the changes are there.
        int at = _random.Next(_random.Next(2) == 0 ? file.Count : Math.Min(file.Count, 64));
        switch (_random.Next(7))
        {
            case 0:
                file[at] ^= (byte)(1 << _random.Next(8));
                break;
            case 1:
                file[at] = (byte)_random.Next(256);
                break;
            case 2:
                Overwrite(file, at);
                break;
            case 3:
                file.RemoveRange(at, file.Count - at);
                break;
            case 4:
                file.RemoveRange(at, Math.Min(_random.Next(1, 16), file.Count - at));
                break;
            case 5:
                file.InsertRange(at, file.GetRange(at, Math.Min(_random.Next(1, 64), file.Count - at)));
                break;
            default:
                byte[] other = _seeds[_random.Next(_seeds.Length)];
                int from = _random.Next(other.Length);
                file.RemoveRange(at, file.Count - at);
                file.AddRange(other[from..]);
                break;
        }
    }

    private void Overwrite(List<byte> file, int at)
    {
        Span<byte> value = stackalloc byte[4];
        uint number = s_interesting[_random.Next(s_interesting.Length)];
        if (_random.Next(2) == 0)
            BinaryPrimitives.WriteUInt32BigEndian(value, number);
        else
            BinaryPrimitives.WriteUInt32LittleEndian(value, number);
        for (int i = 0; i < value.Length && at + i < file.Count; i++)
            file[at + i] = value[i];
    }

    private static void MendChecksums(byte[] file)
    {
        for (long at = 8; at + 12 <= file.Length;)
        {
            uint length = BinaryPrimitives.ReadUInt32BigEndian(file.AsSpan((int)at));
            if (length > file.Length - at - 12)
                return;
            using var chunk = new MemoryStream();
            PngFile.WriteChunk(chunk, string.Concat(file.Skip((int)at + 4).Take(4).Select(static b => (char)b)), file.AsSpan((int)at + 8, (int)length));
            if (chunk.Length == length + 12)
                chunk.ToArray().AsSpan((int)length + 8).CopyTo(file.AsSpan((int)(at + 8 + length)));
            at += 12 + length;
        }
    }

    private static long OwnSize(string path)
    {
        try
        {
            using FileStream file = File.OpenRead(path);
            PictureHeader header = PictureHeader.Read(file);
            return header.Pixels * header.Channels;
        }
        catch (InvalidDataException)
        {
            return 0;
        }
    }

    // The kernel keeps the most memory that a process has had; writing 5 here begins anew.
    private static long ResetPeak()
    {
        if (!OperatingSystem.IsLinux())
            return 0;
        File.WriteAllText("/proc/self/clear_refs", "5");
        return Status("VmRSS");
    }

    private static long Status(string name) => OperatingSystem.IsLinux()
        ? 1024 * long.Parse(
            File.ReadLines("/proc/self/status").First(
                line => line.StartsWith(name, StringComparison.Ordinal)).Split(' ', StringSplitOptions.RemoveEmptyEntries)[^2],
            CultureInfo.InvariantCulture)
        : 0;
}
