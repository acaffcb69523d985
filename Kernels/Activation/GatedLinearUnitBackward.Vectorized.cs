using System.Runtime.Intrinsics;

namespace GpuTransformer.Kernels;

/// <summary>The gradient of the gated linear unit with respect to its input, with SIMD; see <see cref="GatedLinearUnitBackwardPortable{TElement}"/>.</summary>
internal unsafe struct GatedLinearUnitBackwardVectorized<TElement> : IBlockKernel
    where TElement : unmanaged, IElement<TElement>
{
    public TElement* OutputGradient; // [rows, inner]
    public TElement* Input;          // [rows, 2 · inner]: value, gate
    public TElement* Multiplier;     // [inner] or null
    public TElement* InputGradient;  // [rows, 2 · inner]
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
            TElement* input = Input + (long)row * 2 * Inner, inputGradient = InputGradient + (long)row * 2 * Inner;
            for (int c = 0; c < Inner; c += ElementVector.Width)
                Vector(OutputGradient + (long)row * Inner, input, inputGradient, c, Inner - c);
        }
    }

    private readonly void Vector(TElement* outputGradient, TElement* input, TElement* inputGradient, int column, int lanes)
    {
        Vector512<float> value = ElementVector.Load(input + column, lanes), gate = ElementVector.Load(input + Inner + column, lanes);
        Vector512<float> gradient = ElementVector.Load(outputGradient + column, lanes);
        if (Multiplier != null)
            gradient *= ElementVector.Load(Multiplier + column, lanes);
        Vector512<float> clampedValue = SoftClamp.ApplyIfSet(value, ValueClamp), clampedGate = SoftClamp.ApplyIfSet(gate, GateClamp);
        Vector512<float> valueSlope = ActivationCode.Apply(Activation, clampedGate) * SoftClamp.Derivative(value, ValueClamp);
        Vector512<float> gateSlope = clampedValue * ActivationDerivative.Apply(Activation, clampedGate) * SoftClamp.Derivative(gate, GateClamp);
        ElementVector.Store(gradient * valueSlope, inputGradient + column, lanes);
        ElementVector.Store(gradient * gateSlope, inputGradient + Inner + column, lanes);
    }
}
