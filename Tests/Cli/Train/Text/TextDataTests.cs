using GpuTransformer.Cli;
using GpuTransformer.Cli.Train.Text;

namespace GpuTransformer.Tests.Cli.Train.Text;

[TestClass]
public sealed class TextDataTests
{
    [TestMethod]
    [DataRow(100_000, 10_000)]
    [DataRow(40_960, 4096)]
    [DataRow(5000, 4096)]
    public void A_tenth_is_held_out_and_at_least_4_KiB(int bytes, int heldOut)
    {
        byte[] text = Noise(bytes);
        var data = new TextData(text, length: 16);
        Assert.AreEqual(heldOut, data.HeldOut.Length);
        Assert.AreEqual(bytes - heldOut, data.HeldOutStart);
        Assert.IsTrue(text.AsSpan(bytes - heldOut).SequenceEqual(data.HeldOut));
        Assert.IsTrue(text.AsSpan(0, bytes - heldOut).SequenceEqual(data.Training));
    }

    [TestMethod]
    public void A_text_that_is_too_short_is_told_what_is_needed()
    {
        Assert.AreEqual(256, new TextData(Noise(4096 + 256), length: 128).Training.Length);
        string message = Assert.ThrowsExactly<UsageException>(static () => new TextData(Noise(4096 + 255), length: 128)).Message;
        StringAssert.Contains(message, "4351 bytes", StringComparison.Ordinal);
        StringAssert.Contains(message, "length 128 beside them need 4352", StringComparison.Ordinal);
    }

    [TestMethod]
    public void Windows_are_drawn_from_all_of_the_training_text_and_nothing_else()
    {
        // Each byte says where it is, as far as a byte can.
        byte[] text = [.. Enumerable.Range(0, 4096 + 200).Select(static i => (byte)(i < 200 ? i : 255))];
        var data = new TextData(text, length: 100);
        int[] ids = data.Draw(seed: 1, step: 0, count: 2000, length: 100);
        var starts = new HashSet<int>();
        for (int i = 0; i < ids.Length; i += 100)
        {
            starts.Add(ids[i]);
            CollectionAssert.AreEqual(Enumerable.Range(ids[i], 100).ToArray(), ids[i..(i + 100)]);
        }

        CollectionAssert.AreEquivalent(Enumerable.Range(0, 101).ToArray(), starts.ToArray());
        CollectionAssert.AreEqual(ids, data.Draw(1, 0, 2000, 100));
        CollectionAssert.AreNotEqual(ids, data.Draw(1, 1, 2000, 100));
    }

    [TestMethod]
    [DataRow(16, 8)]
    [DataRow(16, 15)]
    [DataRow(16, 1)]
    [DataRow(2, 1)]
    [DataRow(16, 7)]
    public void Each_byte_is_measured_once_with_what_stands_before_it(int length, int stride)
    {
        const int Start = 40, End = 141;
        byte[] text = Noise(200);
        var windows = new TextWindows(Start, End, length, stride);
        var measured = new List<int>();
        for (int w = 0; w < windows.Count; w++)
        {
            int[] ids = new int[length], targets = new int[length];
            int count = windows.Fill(w, text, ids, targets);
            int first = Math.Min(Start + (w + 1) * stride, End) - length;
            CollectionAssert.AreEqual(text[first..(first + length)].Select(static b => (int)b).ToArray(), ids);
            int[] places = [.. Enumerable.Range(0, length).Where(i => targets[i] != TextWindows.Ignored)];
            Assert.HasCount(count, places);
            foreach (int place in places)
            {
                // The byte before the target is seen, the target itself only later.
                Assert.AreEqual(text[first + place + 1], targets[place]);
                Assert.IsGreaterThanOrEqualTo(length - stride, place + 1);
                measured.Add(first + place + 1);
            }
        }

        CollectionAssert.AreEqual(Enumerable.Range(Start, End - Start).ToArray(), measured);
    }

    private static byte[] Noise(int count)
    {
        var bytes = new byte[count];
        new Random(3).NextBytes(bytes);
        return bytes;
    }
}
