using GpuTransformer.Host;

namespace GpuTransformer.Modules;

/// <summary>
/// ShiftTokens: the channels of a branch's input are parted into as many segments as there are shifts, and segment s of a position is taken from that many
/// positions before it (after it, where negative); zeros where there is none. Channels that remain are not shifted. Keys: <c>fn.…</c>.
/// </summary>
/// <remarks>Peng 2021, RWKV's token shift.</remarks>
internal sealed class ShiftTokens : Branch
{
    private readonly Branch _fn;
    private readonly int[] _shifts;
    private readonly bool _readsMask;

    /// <param name="fn">The branch.</param>
    /// <param name="shift">By how many positions at most.</param>
    /// <param name="causal">Whether nothing is taken from later positions.</param>
    /// <param name="initializer">The stack's.</param>
    public ShiftTokens(Branch fn, int shift, bool causal, ParameterInitializer initializer)
        : base(initializer)
    {
        _fn = AddChild("fn", fn);
        int first = causal ? 0 : -shift;
        _shifts = [.. Enumerable.Range(first, shift - first + 1)];

        // x-transformers tells attention alone which positions are hidden.
        _readsMask = fn is Attention;
    }

    internal override bool FusesResidual => _fn.FusesResidual;

    public override Tensor Invoke(CallArguments arguments) => _fn.Invoke(arguments);

    internal override Tensor Run(Tensor x, BranchInputs inputs, Tensor? residual)
    {
        (int length, int dim, int width) = (x.Shape[1], x.Shape[2], x.Shape[2] / _shifts.Length);
        Tensor own = x, before = inputs.Cache?.State(nameof(ShiftTokens)) ?? x.Narrow(1, 0, 0);
        if (inputs.Cache is not null)
        {
            // Positions of earlier calls are shifted in from where they are kept.
            x = Operators.Concatenate([before, own], 1);
            int kept = Math.Min(_shifts[^1], x.Shape[1]);
            inputs.Cache.Note(nameof(ShiftTokens), x.Narrow(1, x.Shape[1] - kept, kept));
        }

        int first = before.Shape[1];
        var parts = new List<Tensor>();
        for (int i = 0; i < _shifts.Length; i++)
            parts.Add(Shifted(x.Narrow(-1, i * width, width), _shifts[i], _readsMask ? inputs.QueryMask : null));
        if (width * _shifts.Length < dim)
            parts.Add(x.Narrow(-1, width * _shifts.Length, dim - width * _shifts.Length));
        Tensor shifted = Operators.Concatenate(parts, -1);
        return _fn.Run(first > 0 ? shifted.Narrow(1, first, length) : shifted, inputs, residual);
    }

    private static Tensor Shifted(Tensor x, int by, Tensor? mask)
    {
        (int batch, int length, int width) = (x.Shape[0], x.Shape[1], x.Shape[2]);
        int far = Math.Min(Math.Abs(by), length);
        if (far == 0)
            return x;
        if (mask is not null)
            x = Operators.MaskRows(x, mask);
        Tensor none = Tensor.Zeros(x.Device, [batch, far, width], x.DType);
        if (far == length)
            return none;
        Tensor rest = x.Narrow(1, by > 0 ? 0 : far, length - far);
        return by > 0 ? Operators.Concatenate([none, rest], 1) : Operators.Concatenate([rest, none], 1);
    }
}
