using System.Buffers.Binary;

namespace GpuTransformer.Cli.Train.Pictures;

/// <summary>
/// What a JPEG (ITU-T T.81) says of itself, found by walking its markers: enough to know before anything is decoded whether the file is whole and what decoding
/// it would take.
/// </summary>
/// <param name="Width">Pixels per row.</param>
/// <param name="Height">Rows.</param>
/// <param name="Components">1 for grey, 3 for colour, 4 for print.</param>
/// <param name="Scans">Passes over the picture: 1, or about ten in a progressive file.</param>
/// <param name="CoefficientBytes">What a decoder has to keep if there is more than one scan.</param>
internal sealed record JpegStructure(int Width, int Height, int Components, int Scans, long CoefficientBytes)
{
    // A profile and a large preview are a few megabytes; decoders keep all of it.
    private const long MaxMetadataBytes = 32 << 20;

    private const int StartOfScan =
        0xDA, EndOfImage = 0xD9, HuffmanTable = 0xC4, Extension = 0xC8, ArithmeticTable = 0xCC, FirstApplication = 0xE0, Comment = 0xFE;

    /// <summary>Walks a file.</summary>
    /// <param name="stream">The file, at its beginning.</param>
    /// <param name="untilFrame">Stop where the size is known; the rest may be missing then.</param>
    /// <exception cref="InvalidDataException">It is damaged; the message says where, as a clause.</exception>
    public static JpegStructure Read(Stream stream, bool untilFrame = false)
    {
        var reader = new MarkerReader(stream);
        JpegStructure? frame = null;
        (int scans, long metadata) = (0, 0);
        while (true)
        {
            (int marker, long at) = reader.Next(withinScan: scans > 0);
            if (marker == EndOfImage)
                return scans > 0 ? frame! with { Scans = scans } : throw new InvalidDataException("it ends (FF D9) before its picture begins");
            if (marker is 0x01 or (>= 0xD0 and <= 0xD8))
                continue; // markers that stand alone
            ReadOnlySpan<byte> head = reader.Segment(marker, at, out int length);
            switch (marker)
            {
                case >= 0xC0 and <= 0xCF and not HuffmanTable and not Extension and not ArithmeticTable:
                    frame = frame is null ? Frame(head, length, at) : throw new InvalidDataException($"a second frame begins at byte {at}");
                    if (untilFrame)
                        return frame;
                    break;
                case StartOfScan:
                    scans = frame is null ? throw new InvalidDataException($"its scan at byte {at} comes before its size") : scans + 1;
                    break;
                case (>= FirstApplication and <= FirstApplication + 15) or Comment:
                    metadata += length;
                    if (metadata > MaxMetadataBytes)
                        throw new InvalidDataException($"it holds more than {MaxMetadataBytes} bytes of metadata");
                    break;
            }
        }
    }

    private static JpegStructure Frame(ReadOnlySpan<byte> head, int length, long at)
    {
        int components = head.Length < 6 ? 0 : head[5];
        if (components is not (1 or 3 or 4) || length != 6 + 3 * components || head[0] != 8)
            throw new InvalidDataException(
                $"its frame at byte {at} has {components} components and {length} bytes; 1, 3 or 4 components of 8 bits are understood");
        (int height, int width) = (BinaryPrimitives.ReadUInt16BigEndian(head[1..]), BinaryPrimitives.ReadUInt16BigEndian(head[3..]));
        (int across, int down) = (1, 1);
        long blocks = 0;
        for (int c = 0; c < components; c++)
            (across, down) = (Math.Max(across, head[7 + 3 * c] >> 4), Math.Max(down, head[7 + 3 * c] & 15));
        for (int c = 0; c < components; c++)
            blocks += (width + 8L * across - 1) / (8 * across) * (head[7 + 3 * c] >> 4) * ((height + 8L * down - 1) / (8 * down)) * (head[7 + 3 * c] & 15);
        return new JpegStructure(width, height, components, 0, blocks * 64 * sizeof(short));
    }

    /// <summary>A buffer over the file, and where in it a marker is.</summary>
    private sealed class MarkerReader(Stream stream)
    {
        private readonly byte[] _buffer = new byte[1 << 16];
        private long _bufferStart;
        private int _at, _filled;

        /// <summary>The next marker and its place. Within a scan what comes before it is the picture; elsewhere it has to follow at once.</summary>
        public (int Marker, long At) Next(bool withinScan)
        {
            while (true)
            {
                if (Peek() != 0xFF && !withinScan)
                    throw new InvalidDataException($"byte {_bufferStart + _at} is {Peek():X2}, where a marker (FF) is due");
                SkipTo(0xFF);
                while (Peek() == 0xFF)
                    _at++;
                long at = _bufferStart + _at - 1;
                int marker = Peek();
                _at++;
                if (marker != 0)
                    return (marker, at);
                if (!withinScan)
                    throw new InvalidDataException($"byte {at + 1} is 00, where a marker is due");
            }
        }

        /// <summary>The beginning of a segment, as far as a frame needs it; the position is after its end.</summary>
        public ReadOnlySpan<byte> Segment(int marker, long at, out int length)
        {
            int high = Peek();
            _at++;
            length = (high << 8 | Peek()) - 2;
            _at++;
            long start = _bufferStart + _at;
            if (length < 0 || start + length > stream.Length)
                throw new InvalidDataException(
                    $"segment FF {marker:X2} at byte {at} says it has {length + 2} bytes, but the file ends after {stream.Length - start + 2} of them");
            var head = new byte[Math.Min(length, 6 + 3 * 4)];
            for (int i = 0; i < head.Length; i++, _at++)
                head[i] = (byte)Peek();
            Skip(length - head.Length);
            return head;
        }

        private int Peek()
        {
            if (_at >= _filled)
                Fill();
            return _buffer[_at];
        }

        private void SkipTo(byte value)
        {
            while (true)
            {
                Peek();
                int found = _buffer.AsSpan(_at, _filled - _at).IndexOf(value);
                if (found >= 0)
                {
                    _at += found;
                    return;
                }

                _at = _filled;
            }
        }

        private void Skip(int count)
        {
            if (count <= _filled - _at)
            {
                _at += count;
                return;
            }

            _bufferStart += _at + count;
            (_at, _filled) = (0, 0);
            stream.Position = _bufferStart;
        }

        private void Fill()
        {
            _bufferStart += _filled;
            _at -= _filled;
            _filled = stream.Read(_buffer);
            if (_at >= _filled)
                throw new InvalidDataException("it begins as JPEG does, but ends before its last marker (FF D9)");
        }
    }
}
