using System.Runtime.Intrinsics;

namespace GpuTransformer.Kernels;

/// <summary>output = clamp(value) · f(clamp(gate)) · multiplier with SIMD, value and gate being the halves of a row.</summary>
internal unsafe struct GatedLinearUnitVectorized<TElement> : IBlockKernel
    where TElement : unmanaged, IElement<TElement>
{
    public TElement* Input;      // [rows, 2 · inner]: value, gate
    public TElement* Multiplier; // [inner] or null
    public TElement* Output;     // [rows, inner]
    public int Rows;
    public int Inner;
    public int RowsPerBlock;
    public int Activation;
    public float ValueClamp; // 0 for none
    public float GateClamp;  // 0 for none

    /// <summary>How many blocks the launch needs.</summary>
    public readonly int Blocks => (Rows + RowsPerBlock - 1) / RowsPerBlock;

    public readonly void Execute(int block)
    {
        int end = Math.Min(Rows, (block + 1) * RowsPerBlock);
        for (int row = block * RowsPerBlock; row < end; row++)
        {
            TElement* values = Input + (long)row * 2 * Inner, gates = values + Inner, output = Output + (long)row * Inner;
            for (int c = 0; c < Inner; c += ElementVector.Width)
            {
                int lanes = Inner - c;
                Vector512<float> value = SoftClamp.ApplyIfSet(ElementVector.Load(values + c, lanes), ValueClamp);
                Vector512<float> gate = SoftClamp.ApplyIfSet(ElementVector.Load(gates + c, lanes), GateClamp);
                Vector512<float> product = value * ActivationCode.Apply(Activation, gate);
                if (Multiplier != null)
                    product *= ElementVector.Load(Multiplier + c, lanes);
                ElementVector.Store(product, output + c, lanes);
            }
        }
    }
}
