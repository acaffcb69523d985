using GpuTransformer.Kernels;
using System.Numerics;

namespace GpuTransformer.Validation;

/// <summary>Dropout and its generator, as the paper and the formula read.</summary>
internal static class DropoutReference
{
    /// <summary>Philox 4×32-10 of Salmon et al. 2011, section 3.3.</summary>
    public static uint[] Philox(uint[] counter, uint[] key)
    {
        (uint left0, uint right0, uint left1, uint right1) = (counter[0], counter[1], counter[2], counter[3]);
        (uint k0, uint k1) = (key[0], key[1]);
        for (int round = 0; round < 10; round++)
        {
            ulong product0 = 0xD2511F53ul * left0, product1 = 0xCD9E8D57ul * left1;
            (left0, right0, left1, right1) = ((uint)(product1 >> 32) ^ right0 ^ k0, (uint)product1, (uint)(product0 >> 32) ^ right1 ^ k1, (uint)product0);
            unchecked
            {
                k0 += 0x9E3779B9u;
                k1 += 0xBB67AE85u;
            }
        }

        return [left0, right0, left1, right1];
    }

    /// <summary>y = x / (1 − p) or zero; element i is decided by word i / 16 mod 4 of counter 16 (i / 64) + i mod 16.</summary>
    public static T[] Forward<T>(T[] input, double probability, ulong seed, ulong stream)
        where T : IFloatingPointIeee754<T>
    {
        var output = new T[input.Length];
        for (int i = 0; i < input.Length; i++)
        {
            ulong counter = (ulong)(i / 64 * 16 + i % 16);
            uint[] words = Philox([(uint)counter, (uint)(counter >> 32), (uint)stream, (uint)(stream >> 32)], [(uint)seed, (uint)(seed >> 32)]);
            bool isDropped = words[i / 16 % 4] < probability * 4294967296.0;
            output[i] = isDropped ? T.Zero : input[i] / (T.One - T.CreateChecked(probability));
        }

        return output;
    }
}
