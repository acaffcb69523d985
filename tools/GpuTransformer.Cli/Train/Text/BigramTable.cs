namespace GpuTransformer.Cli.Train.Text;

/// <summary>
/// How often each byte follows each other one in a text: P(b | a) = (count(a, b) + k) / (count(a) + 256 k). The least that a model of more than one byte of
/// context has to beat.
/// </summary>
internal sealed class BigramTable
{
    /// <summary>Added to every count: small beside what was seen, but a pair that never was is not impossible.</summary>
    public const double Added = 0.1;

    private readonly int[] _pairs = new int[TextModel.Bytes * TextModel.Bytes];
    private readonly int[] _firsts = new int[TextModel.Bytes];

    public BigramTable(ReadOnlySpan<byte> text)
    {
        for (int i = 1; i < text.Length; i++)
        {
            _pairs[text[i - 1] * TextModel.Bytes + text[i]]++;
            _firsts[text[i - 1]]++;
        }
    }

    /// <summary>Bits for each byte of a text from <paramref name="start"/>, at least 1, on; the first of them follows the byte before.</summary>
    public double BitsPerByte(ReadOnlySpan<byte> text, int start)
    {
        double bits = 0;
        for (int i = start; i < text.Length; i++)
        {
            double seen = _pairs[text[i - 1] * TextModel.Bytes + text[i]], all = _firsts[text[i - 1]];
            bits -= Math.Log2((seen + Added) / (all + Added * TextModel.Bytes));
        }

        return bits / (text.Length - start);
    }
}
