using ILGPU;

namespace GpuTransformer.Kernels;

/// <summary>output = clamp(value) · f(clamp(gate)) · multiplier, value and gate being the halves of a row; one thread per output element.</summary>
internal struct GatedLinearUnitPortable<TElement> : IGridKernel
    where TElement : unmanaged, IElement<TElement>
{
    /// <summary>Threads per group.</summary>
    public const int GroupSize = 64;

    public ArrayView<TElement> Input;      // [rows, 2 · inner]: value, gate
    public ArrayView<TElement> Multiplier; // [inner] or empty
    public ArrayView<TElement> Output;     // [rows, inner]
    public int Inner;
    public int Activation;
    public float ValueClamp; // 0 for none
    public float GateClamp;  // 0 for none

    /// <inheritdoc/>
    public int FirstGroup { get; set; }

    /// <summary>How many groups the launch needs.</summary>
    public readonly long Groups => Output.Length / Inner * ((Inner + GroupSize - 1) / GroupSize);

    /// <summary>Grid: rows × (inner / <see cref="GroupSize"/> rounded up).</summary>
    public static void Kernel(GatedLinearUnitPortable<TElement> p)
    {
        GroupPlace at = GroupPlace.Of(p.FirstGroup + Grid.IdxX, (p.Inner + GroupSize - 1) / GroupSize);
        int column = at.Inner * GroupSize + Group.IdxX;
        if (column < p.Inner)
        {
            long input = (long)at.Outer * 2 * p.Inner + column;
            float value = SoftClamp.ApplyIfSet(TElement.ToSingle(p.Input[input]), p.ValueClamp);
            float gate = SoftClamp.ApplyIfSet(TElement.ToSingle(p.Input[input + p.Inner]), p.GateClamp);
            float multiplier = p.Multiplier.Length > 0 ? TElement.ToSingle(p.Multiplier[column]) : 1f;
            p.Output[(long)at.Outer * p.Inner + column] = TElement.FromSingle(value * ActivationCode.Apply(p.Activation, gate) * multiplier);
        }
    }
}
