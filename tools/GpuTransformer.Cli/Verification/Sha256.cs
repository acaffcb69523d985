using System.Buffers.Binary;
using System.Numerics;

namespace GpuTransformer.Cli.Verification;

/// <summary>
/// SHA-256 of a stream, in managed code. The framework's own calls OpenSSL, and where that is not installed (a GPU host with a driver and nothing else) the
/// process is aborted.
/// </summary>
/// <remarks>FIPS 180-4, section 6.2.</remarks>
internal static class Sha256
{
    private const int BlockBytes = 64;

    // The first 32 bits of the fractional parts of the cube roots of the first 64 primes.
    private static readonly uint[] Constants =
    [
        0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5, 0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3,
        0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174, 0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
        0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967, 0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13,
        0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85, 0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
        0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3, 0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208,
        0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
    ];

    /// <summary>The hash of what is left of <paramref name="stream"/>, in lower-case hexadecimal.</summary>
    public static string HashHex(Stream stream)
    {
        // The fractional parts of the square roots of the first eight primes.
        uint[] state = [0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19];
        var buffer = new byte[1024 * BlockBytes];
        ulong bytes = 0;
        int read;
        do
        {
            read = stream.ReadAtLeast(buffer, buffer.Length, throwOnEndOfStream: false);
            bytes += (ulong)read;
            int whole = read / BlockBytes * BlockBytes;
            for (int block = 0; block < whole; block += BlockBytes)
                Compress(state, buffer.AsSpan(block, BlockBytes));
            if (read < buffer.Length)
                Finish(state, buffer.AsSpan(whole, read - whole), bytes * 8);
        }
        while (read == buffer.Length);

        var hash = new byte[32];
        for (int i = 0; i < state.Length; i++)
            BinaryPrimitives.WriteUInt32BigEndian(hash.AsSpan(4 * i), state[i]);
        return Convert.ToHexStringLower(hash);
    }

    // The message ends with a one bit, zeros, and its length in bits in the last eight bytes of a block.
    private static void Finish(uint[] state, ReadOnlySpan<byte> rest, ulong bits)
    {
        Span<byte> end = stackalloc byte[rest.Length < BlockBytes - 8 ? BlockBytes : 2 * BlockBytes];
        end.Clear();
        rest.CopyTo(end);
        end[rest.Length] = 0x80;
        BinaryPrimitives.WriteUInt64BigEndian(end[^8..], bits);
        for (int block = 0; block < end.Length; block += BlockBytes)
            Compress(state, end.Slice(block, BlockBytes));
    }

    private static void Compress(uint[] state, ReadOnlySpan<byte> block)
    {
        Span<uint> w = stackalloc uint[BlockBytes];
        for (int i = 0; i < 16; i++)
            w[i] = BinaryPrimitives.ReadUInt32BigEndian(block[(4 * i)..]);
        for (int i = 16; i < w.Length; i++)
        {
            uint early = w[i - 15], late = w[i - 2];
            uint s0 = BitOperations.RotateRight(early, 7) ^ BitOperations.RotateRight(early, 18) ^ (early >> 3);
            uint s1 = BitOperations.RotateRight(late, 17) ^ BitOperations.RotateRight(late, 19) ^ (late >> 10);
            w[i] = w[i - 16] + s0 + w[i - 7] + s1;
        }

        (uint a, uint b, uint c, uint d) = (state[0], state[1], state[2], state[3]);
        (uint e, uint f, uint g, uint h) = (state[4], state[5], state[6], state[7]);
        for (int i = 0; i < w.Length; i++)
        {
            uint sum1 = BitOperations.RotateRight(e, 6) ^ BitOperations.RotateRight(e, 11) ^ BitOperations.RotateRight(e, 25);
            uint t1 = h + sum1 + ((e & f) ^ (~e & g)) + Constants[i] + w[i];
            uint sum0 = BitOperations.RotateRight(a, 2) ^ BitOperations.RotateRight(a, 13) ^ BitOperations.RotateRight(a, 22);
            uint t2 = sum0 + ((a & b) ^ (a & c) ^ (b & c));
            (h, g, f, e, d, c, b, a) = (g, f, e, d + t1, c, b, a, t1 + t2);
        }

        (state[0], state[1], state[2], state[3]) = (state[0] + a, state[1] + b, state[2] + c, state[3] + d);
        (state[4], state[5], state[6], state[7]) = (state[4] + e, state[5] + f, state[6] + g, state[7] + h);
    }
}
