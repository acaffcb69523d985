namespace GpuTransformer.Cli.Train.Text;

/// <summary>
/// The windows that measure the bytes from <paramref name="start"/> to before <paramref name="end"/>, each byte once: a window of <paramref name="length"/>
/// bytes measures its last <paramref name="stride"/>, and the last window what is left.
/// </summary>
internal sealed class TextWindows(int start, int end, int length, int stride)
{
    /// <summary>Of a target that is not measured.</summary>
    public const int Ignored = -100;

    /// <summary>How many windows.</summary>
    public int Count => (end - start + stride - 1) / stride;

    /// <summary>Fills a window: what the model sees, and at each place the byte after it, if it is measured here.</summary>
    /// <returns>How many are.</returns>
    public int Fill(int index, ReadOnlySpan<byte> text, Span<int> ids, Span<int> targets)
    {
        int measured = start + index * stride, last = Math.Min(measured + stride, end), first = last - length;
        for (int i = 0; i < length; i++)
        {
            ids[i] = text[first + i];
            int next = first + i + 1;
            targets[i] = next >= measured && next < last ? text[next] : Ignored;
        }

        return last - measured;
    }
}
