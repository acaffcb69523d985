using GpuTransformer.Cli.Verification;

namespace GpuTransformer.Cli.Train.Text;

/// <summary>A text, and where its held-out end begins.</summary>
internal sealed class TextData
{
    /// <summary>The least held-out text: fewer bytes say little.</summary>
    public const int LeastHeldOut = 4096;

    private readonly byte[] _bytes;

    /// <param name="bytes">The text.</param>
    /// <param name="length">Bytes of a window, for which the part that is learned must have room.</param>
    /// <exception cref="UsageException">It is too short.</exception>
    public TextData(byte[] bytes, int length)
    {
        _bytes = bytes;
        int heldOut = Math.Max(bytes.Length / 10, LeastHeldOut);
        long needed = heldOut + 2L * length;
        if (bytes.Length < needed)
            throw new UsageException(
                $"--data: the text has {bytes.Length} bytes, of which {heldOut} are held out; two windows of length {length} beside them need {needed}. "
                + "Give more text, or a smaller --length.");
        HeldOutStart = bytes.Length - heldOut;
    }

    /// <summary>All of it.</summary>
    public ReadOnlySpan<byte> All => _bytes;

    /// <summary>What is learned.</summary>
    public ReadOnlySpan<byte> Training => _bytes.AsSpan(0, HeldOutStart);

    /// <summary>What is only measured on: the last tenth, at least <see cref="LeastHeldOut"/> bytes.</summary>
    public ReadOnlySpan<byte> HeldOut => _bytes.AsSpan(HeldOutStart);

    /// <summary>The first held-out byte.</summary>
    public int HeldOutStart { get; }

    /// <summary>The SHA-256 of all of it: equal where the text is.</summary>
    public string Fingerprint => Sha256.HashHex(new MemoryStream(_bytes));

    /// <summary>Windows from anywhere in the training text, one after the other.</summary>
    public int[] Draw(int seed, long step, int count, int length)
    {
        var ids = new int[count * length];
        for (int i = 0; i < count; i++)
        {
            int start = DrawSeed.Random(seed, step, i).Next(HeldOutStart - length + 1);
            for (int p = 0; p < length; p++)
                ids[i * length + p] = _bytes[start + p];
        }

        return ids;
    }
}
