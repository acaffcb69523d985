using GpuTransformer.Host;

namespace GpuTransformer.Modules;

/// <summary>A branch whose output is multiplied per channel by gamma + offset. Keys: <c>gamma</c> [dim], <c>fn.…</c>.</summary>
internal sealed class LayerScale : Branch
{
    private readonly Branch _fn;
    private readonly Tensor _gamma; // [dim]
    private readonly float _offset;

    public LayerScale(Branch fn, int dim, float initial, bool unitOffset, ParameterInitializer initializer)
        : base(initializer)
    {
        _offset = unitOffset ? 1f : 0f;
        _gamma = AddParameter("gamma", initializer.Constant([dim], initial - _offset));
        _fn = AddChild("fn", fn);
    }

    public override Tensor Invoke(CallArguments arguments) => _fn.Invoke(arguments);

    internal override Tensor Run(Tensor x, BranchInputs inputs, Tensor? residual)
        => Operators.ScaleAndShift(_fn.Run(x, inputs, null), Computed(_gamma), null, _offset);
}

/// <summary>A branch whose output is multiplied per channel by sigmoid(W c + b). Keys: <c>to_gamma.weight</c>, <c>to_gamma.bias</c>, <c>fn.…</c>.</summary>
internal sealed class AdaptiveLayerScale : Branch
{
    private readonly Branch _fn;
    private readonly Linear _toGamma;

    public AdaptiveLayerScale(Branch fn, int dim, int dimCondition, ParameterInitializer initializer)
        : base(initializer)
    {
        using StepScope construction = Device.BeginConstruction();
        _fn = AddChild("fn", fn);
        _toGamma = AddChild("to_gamma", new Linear(dimCondition, dim, bias: true, initializer, zero: true));

        // sigmoid(−2) ≈ 0.12: branches start small.
        var bias = new float[dim];
        Array.Fill(bias, -2f);
        _toGamma.Bias!.Write(bias);
        construction.Complete();
    }

    public override Tensor Invoke(CallArguments arguments) => _fn.Invoke(arguments);

    internal override Tensor Run(Tensor x, BranchInputs inputs, Tensor? residual)
    {
        Tensor gain = _toGamma.Forward(inputs.Condition!, Activation.Sigmoid);
        return Operators.ScaleAndShift(_fn.Run(x, inputs, null), gain.Reshape([(int)(gain.Shape.Count / gain.Shape[^1]), gain.Shape[^1]]), null);
    }
}

/// <summary>A branch whose output is multiplied by a constant: the halved feedforwards of Macaron. Keys: <c>fn.…</c>.</summary>
internal sealed class ConstantScale : Branch
{
    private readonly Branch _fn;
    private readonly float _factor;

    public ConstantScale(Branch fn, float factor, ParameterInitializer initializer)
        : base(initializer)
    {
        _factor = factor;
        _fn = AddChild("fn", fn);
    }

    public override Tensor Invoke(CallArguments arguments) => _fn.Invoke(arguments);

    internal override Tensor Run(Tensor x, BranchInputs inputs, Tensor? residual) => Operators.Scale(_fn.Run(x, inputs, null), _factor);
}
