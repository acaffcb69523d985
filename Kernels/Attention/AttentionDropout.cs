namespace GpuTransformer.Kernels;

/// <summary>
/// Which probabilities dropout keeps, and by what they are multiplied: d_ij = 1 / (1 − p) or zero. Query row r = (batch · heads + head) · queries + i and key j
/// are decided by word j mod 4 of the Philox counter (j / 4, r): nothing is stored, every pass draws it again, and since it is a comparison of integers every
/// device drops the same.
/// </summary>
internal struct AttentionDropout
{
    /// <summary>Neighbouring keys of a row that share a counter.</summary>
    public const int KeysPerDraw = 4;

    /// <summary>p · 2^32: words below it drop; 0 for no dropout.</summary>
    public uint Threshold;

    /// <summary>1 / (1 − p).</summary>
    public float Scale;

    /// <summary>The seed.</summary>
    public uint KeyA;
    public uint KeyB;

    /// <summary>Tells draws of one seed apart.</summary>
    public uint StreamA;
    public uint StreamB;

    /// <summary>The words of four keys of a row, <paramref name="key"/> among them.</summary>
    public static PhiloxWords Draw(AttentionDropout dropout, long row, int key)
        => Philox.Draw(new PhiloxWords((uint)(key / KeysPerDraw), (uint)row, dropout.StreamA, dropout.StreamB), dropout.KeyA, dropout.KeyB);

    /// <summary>d for the word of a pair.</summary>
    public static float Factor(AttentionDropout dropout, uint word) => word < dropout.Threshold ? 0f : dropout.Scale;

    /// <summary>d for a single pair, which costs as much as for four.</summary>
    public static float Factor(AttentionDropout dropout, long row, int key)
    {
        PhiloxWords words = Draw(dropout, row, key);
        int place = key % KeysPerDraw;
        uint low = place == 0 ? words.X : words.Y, high = place == 2 ? words.Z : words.W;
        return Factor(dropout, place < 2 ? low : high);
    }
}
