using System.Runtime.Intrinsics;
using GpuTransformer.Kernels;

namespace GpuTransformer.Tests.Kernels;

/// <summary>SIMD lanes store and load what single elements do, bit for bit.</summary>
[TestClass]
public sealed unsafe class ElementVectorTests
{
    [TestMethod]
    public void Float16_loads_every_pattern() => LoadsEveryPattern<Float16>();

    [TestMethod]
    public void BFloat16_loads_every_pattern() => LoadsEveryPattern<BFloat16>();

    [TestMethod]
    public void Float16_rounds_every_kind_of_number() => RoundsAsSingleElements<Float16>();

    [TestMethod]
    public void BFloat16_rounds_every_kind_of_number() => RoundsAsSingleElements<BFloat16>();

    [TestMethod]
    public void Float16_agrees_with_the_runtime()
    {
        foreach (float value in Numbers())
        {
            float ours = Float16.ToSingle(Float16.FromSingle(value));
            Assert.IsTrue(float.IsNaN(value) ? float.IsNaN(ours) : ours == (float)(Half)value, $"{value:g9} became {ours:g9}");
        }
    }

    [TestMethod]
    [DataRow(1)]
    [DataRow(7)]
    [DataRow(15)]
    public void Partial_vectors_touch_nothing_else(int count)
    {
        BFloat16* memory = stackalloc BFloat16[2 * ElementVector.Width];
        for (int i = 0; i < 2 * ElementVector.Width; i++)
            memory[i] = BFloat16.FromSingle(i);
        Vector512<float> loaded = ElementVector.Load(memory + 1, count, -3f);
        for (int i = 0; i < ElementVector.Width; i++)
            Assert.AreEqual(i < count ? i + 1f : -3f, loaded[i]);
        ElementVector.Store(Vector512.Create(-1f), memory + 1, count);
        for (int i = 0; i < 2 * ElementVector.Width; i++)
            Assert.AreEqual(i >= 1 && i <= count ? -1f : i, BFloat16.ToSingle(memory[i]));
    }

    private static void LoadsEveryPattern<TElement>()
        where TElement : unmanaged, IElement<TElement>
    {
        ushort* patterns = stackalloc ushort[ElementVector.Width];
        for (int first = 0; first < 65536; first += ElementVector.Width)
        {
            for (int i = 0; i < ElementVector.Width; i++)
                patterns[i] = (ushort)(first + i);
            Vector512<float> loaded = ElementVector.Load((TElement*)patterns);
            for (int i = 0; i < ElementVector.Width; i++)
            {
                float expected = TElement.ToSingle(((TElement*)patterns)[i]);
                Assert.IsTrue(
                    float.IsNaN(expected) ? float.IsNaN(loaded[i]) : BitConverter.SingleToInt32Bits(expected) == BitConverter.SingleToInt32Bits(loaded[i]),
                    $"pattern {first + i:x4}");
            }
        }
    }

    private static void RoundsAsSingleElements<TElement>()
        where TElement : unmanaged, IElement<TElement>
    {
        TElement* stored = stackalloc TElement[ElementVector.Width];
        foreach (float value in Numbers())
        {
            ElementVector.Store(Vector512.Create(value), stored);
            Assert.AreEqual(Bits(TElement.FromSingle(value)), Bits(stored[5]), $"{value:g9}");
        }
    }

    private static ushort Bits<TElement>(TElement element)
        where TElement : unmanaged
        => *(ushort*)&element;

    // Every exponent, both signs, mantissas at and around the rounding boundaries of both formats, and random ones.
    private static IEnumerable<float> Numbers()
    {
        var random = new Random(1);
        for (uint exponent = 0; exponent < 256; exponent++)
        {
            foreach (uint mantissa in (uint[])[0, 1, 0xfff, 0x1000, 0x1001, 0x2fff, 0x3000, 0x3001, 0x7fff, 0x8000, 0x8001, 0x17fff, 0x18000, 0x18001, 0x7fffff,
                .. Enumerable.Range(0, 20).Select(_ => (uint)random.Next(1 << 23))])
            {
                yield return BitConverter.UInt32BitsToSingle((exponent << 23) | mantissa);
                yield return BitConverter.UInt32BitsToSingle(0x80000000 | (exponent << 23) | mantissa);
            }
        }
    }
}
