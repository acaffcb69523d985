using ILGPU;

namespace GpuTransformer.Kernels;

/// <summary>
/// The gradient of the gated linear unit with respect to its input, one thread per pair of value and gate:
/// dvalue = dy · m · f(g) · v′ and dgate = dy · m · v · f′(g) · g′, v and g being the clamped value and gate.
/// </summary>
internal struct GatedLinearUnitBackwardPortable<TElement> : IGridKernel
    where TElement : unmanaged, IElement<TElement>
{
    /// <summary>Threads per group.</summary>
    public const int GroupSize = 64;

    public ArrayView<TElement> OutputGradient; // [rows, inner]
    public ArrayView<TElement> Input;          // [rows, 2 · inner]: value, gate
    public ArrayView<TElement> Multiplier;     // [inner] or empty
    public ArrayView<TElement> InputGradient;  // [rows, 2 · inner]
    public int Inner;
    public int Activation;
    public float ValueClamp; // 0 for none
    public float GateClamp;  // 0 for none

    /// <inheritdoc/>
    public int FirstGroup { get; set; }

    /// <summary>How many groups the launch needs.</summary>
    public readonly long Groups => OutputGradient.Length / Inner * ((Inner + GroupSize - 1) / GroupSize);

    /// <summary>Grid: rows × (inner / <see cref="GroupSize"/> rounded up).</summary>
    public static void Kernel(GatedLinearUnitBackwardPortable<TElement> p)
    {
        GroupPlace at = GroupPlace.Of(p.FirstGroup + Grid.IdxX, (p.Inner + GroupSize - 1) / GroupSize);
        int column = at.Inner * GroupSize + Group.IdxX;
        if (column < p.Inner)
        {
            long input = (long)at.Outer * 2 * p.Inner + column;
            float value = TElement.ToSingle(p.Input[input]), gate = TElement.ToSingle(p.Input[input + p.Inner]);
            float gradient = TElement.ToSingle(p.OutputGradient[(long)at.Outer * p.Inner + column]);
            if (p.Multiplier.Length > 0)
                gradient *= TElement.ToSingle(p.Multiplier[column]);
            float clampedValue = SoftClamp.ApplyIfSet(value, p.ValueClamp), clampedGate = SoftClamp.ApplyIfSet(gate, p.GateClamp);
            float valueSlope = ActivationCode.Apply(p.Activation, clampedGate) * SoftClamp.Derivative(value, p.ValueClamp);
            float gateSlope = clampedValue * ActivationDerivative.Apply(p.Activation, clampedGate) * SoftClamp.Derivative(gate, p.GateClamp);
            p.InputGradient[input] = TElement.FromSingle(gradient * valueSlope);
            p.InputGradient[input + p.Inner] = TElement.FromSingle(gradient * gateSlope);
        }
    }
}
