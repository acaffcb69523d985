using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace GpuTransformer.Kernels;

/// <summary>What happens to a finished tile of the product on its way to memory: bias, activation, row mask, residual, rounding to the storage type.</summary>
internal unsafe struct MatrixEpilogue<TElement>
    where TElement : unmanaged, IElement<TElement>
{
    public TElement* Output;   // [m, n]
    public TElement* Bias;     // [n] or null
    public TElement* Residual; // [m, n] or null; may be the output itself
    public byte* RowMask;      // [m] or null
    public int N;
    public int Activation;

    /// <summary>Finishes and stores a tile, which it overwrites.</summary>
    /// <param name="tile">[rows, 64]</param>
    /// <param name="row">The tile's first row in the output.</param>
    /// <param name="rows">1 to 6</param>
    /// <param name="column">The tile's first column in the output.</param>
    /// <param name="columns">1 to 64</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public readonly void Store(float* tile, int row, int rows, int column, int columns)
    {
        if (Bias != null)
            AddBias(tile, rows, column, columns);
        if (Activation != ActivationCode.None)
            Activate(tile, rows);
        int whole = columns & ~15, rest = columns & 15;
        for (int r = 0; r < rows; r++, row++, tile += MatrixTile.Columns)
        {
            if (RowMask != null && RowMask[row] == 0)
                new Span<float>(tile, MatrixTile.Columns).Clear();
            long start = (long)row * N + column;
            for (int c = 0; c < whole; c += ElementVector.Width)
            {
                Vector512<float> value = Vector512.Load(tile + c);
                if (Residual != null)
                    value += ElementVector.Load(Residual + start + c);
                ElementVector.Store(value, Output + start + c);
            }

            if (rest > 0)
            {
                Vector512<float> value = Vector512.Load(tile + whole);
                if (Residual != null)
                    value += ElementVector.LoadPartial(Residual + start + whole, rest);
                ElementVector.StorePartial(value, Output + start + whole, rest);
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private readonly void AddBias(float* tile, int rows, int column, int columns)
    {
        for (int c = 0; c < columns; c += ElementVector.Width)
        {
            int count = columns - c;
            Vector512<float> bias = count < ElementVector.Width ? ElementVector.LoadPartial(Bias + column + c, count) : ElementVector.Load(Bias + column + c);
            for (int r = 0; r < rows; r++)
                (Vector512.Load(tile + r * MatrixTile.Columns + c) + bias).Store(tile + r * MatrixTile.Columns + c);
        }
    }

    // One loop per function and not one call per vector: the coefficients of a polynomial are then loaded once.
    private readonly void Activate(float* tile, int rows)
    {
        int count = rows * MatrixTile.Columns;
        switch (Activation)
        {
            case ActivationCode.Gelu: Map<GeluActivation>(tile, count); break;
            case ActivationCode.Silu: Map<SiluActivation>(tile, count); break;
            case ActivationCode.ReluSquared: Map<ReluSquaredActivation>(tile, count); break;
            case ActivationCode.Relu: Map<ReluActivation>(tile, count); break;
            case ActivationCode.Sigmoid: Map<SigmoidActivation>(tile, count); break;
            case ActivationCode.Tanh: Map<TanhActivation>(tile, count); break;
            case ActivationCode.Erf: Map<ErfActivation>(tile, count); break;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Map<TActivation>(float* values, int count)
        where TActivation : struct, IActivation
    {
        for (int i = 0; i < count; i += ElementVector.Width)
            TActivation.Apply(Vector512.Load(values + i)).Store(values + i);
    }
}
