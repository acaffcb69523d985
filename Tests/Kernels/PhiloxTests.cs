using System.Runtime.Intrinsics;
using GpuTransformer.Kernels;
using GpuTransformer.Validation;

namespace GpuTransformer.Tests.Kernels;

/// <summary>The generator gives the published words, in each of its forms.</summary>
[TestClass]
public sealed class PhiloxTests
{
    // Random123's known answers for philox4x32-10: counter, key, result.
    private static readonly (uint[] Counter, uint[] Key, uint[] Result)[] s_known =
    [
        ([0, 0, 0, 0], [0, 0], [0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8]),
        ([0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff], [0xffffffff, 0xffffffff], [0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd]),
        ([0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344], [0xa4093822, 0x299f31d0], [0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1]),
    ];

    [TestMethod]
    public void Every_form_gives_the_known_answers()
    {
        foreach ((uint[] c, uint[] key, uint[] result) in s_known)
        {
            CollectionAssert.AreEqual(result, DropoutReference.Philox(c, key));
            PhiloxWords words = Philox.Draw(new PhiloxWords(c[0], c[1], c[2], c[3]), key[0], key[1]);
            CollectionAssert.AreEqual(result, new[] { words.X, words.Y, words.Z, words.W });
            PhiloxVectors vectors = Philox.Draw(
                new PhiloxVectors(Vector512.Create(c[0]), Vector512.Create(c[1]), Vector512.Create(c[2]), Vector512.Create(c[3])), key[0], key[1]);
            for (int lane = 0; lane < 16; lane++)
                CollectionAssert.AreEqual(result, new[] { vectors.X[lane], vectors.Y[lane], vectors.Z[lane], vectors.W[lane] });
        }
    }

    [TestMethod]
    public void Lanes_are_counters_of_their_own()
    {
        Vector512<uint> lower = Vector512.Create(40u) + Vector512<uint>.Indices;
        PhiloxVectors vectors = Philox.Draw(new PhiloxVectors(lower, default, Vector512.Create(3u), default), 7, 8);
        for (uint lane = 0; lane < 16; lane++)
            Assert.AreEqual(DropoutReference.Philox([40 + lane, 0, 3, 0], [7, 8])[2], vectors.Z[(int)lane]);
    }
}
