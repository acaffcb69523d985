namespace GpuTransformer.Kernels;

/// <summary>How a rotation of pairs walks along its rows: heads side by side, each rotated in its first columns.</summary>
internal struct RotationShape
{
    /// <summary>Rows of the input.</summary>
    public int Rows;

    /// <summary>Rows of the table, after which the input reads it again.</summary>
    public int TableRows;

    /// <summary>Heads of a row.</summary>
    public int Heads;

    /// <summary>Columns of a head.</summary>
    public int Width;

    /// <summary>How many columns of a head are rotated: an even number.</summary>
    public int Rotated;

    /// <summary>The first head that is rotated; those before it are copied.</summary>
    public int FirstHead;

    /// <summary>1 to rotate forwards, −1 for the way back.</summary>
    public int Sign;
}
