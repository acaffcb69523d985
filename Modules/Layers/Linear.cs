using GpuTransformer.Host;

namespace GpuTransformer.Modules;

/// <summary>y = x Wᵀ + b. Keys: <c>weight</c> [out, in], <c>bias</c> [out].</summary>
public sealed class Linear : Module
{
    /// <summary>A layer from width <paramref name="dimIn"/> to <paramref name="dimOut"/>.</summary>
    public Linear(int dimIn, int dimOut, ComputeDevice device, bool bias = true, int seed = 0, DType dtype = DType.Float32)
        : this(dimIn, dimOut, bias, new ParameterInitializer(device, seed, dtype))
    {
    }

    /// <summary>A layer whose parameters come from <paramref name="initializer"/>: for the constructor of a module that it is inside of.</summary>
    /// <param name="dimIn">The input's width.</param>
    /// <param name="dimOut">The output's width.</param>
    /// <param name="bias">Whether there is one.</param>
    /// <param name="initializer">Draws the parameters.</param>
    /// <param name="zero">Whether all parameters start at zero instead.</param>
    public Linear(int dimIn, int dimOut, bool bias, ParameterInitializer initializer, bool zero = false)
        : base(initializer)
    {
        using StepScope construction = Device.BeginConstruction();
        OptionChecks.Positive(dimIn, nameof(dimIn));
        OptionChecks.Positive(dimOut, nameof(dimOut));
        Weight = AddParameter("weight", zero ? initializer.Constant([dimOut, dimIn], 0f) : initializer.Uniform([dimOut, dimIn], dimIn));
        if (bias)
            Bias = AddParameter("bias", zero ? initializer.Constant([dimOut], 0f) : initializer.Uniform([dimOut], dimIn));
        construction.Complete();
    }

    /// <summary>[out, in]</summary>
    public Tensor Weight { get; }

    /// <summary>[out], or null.</summary>
    public Tensor? Bias { get; }

    /// <summary>(rowMask ? act(x Wᵀ + b) : 0) + residual, in one launch.</summary>
    /// <param name="x">[…, in]</param>
    /// <param name="activation">Applied after the bias.</param>
    /// <param name="residual">[…, out] or null</param>
    /// <param name="rowMask">bool, one per row, or null</param>
    public Tensor Forward(Tensor x, Activation activation = Activation.None, Tensor? residual = null, Tensor? rowMask = null)
        => Operators.Linear(Computed(x), Computed(Weight), Computed(Bias), activation, Computed(residual), rowMask);

    /// <summary>dropout(rowMask ? x Wᵀ + b : 0) + residual: one launch where nothing is dropped.</summary>
    internal Tensor WithDropout(Tensor x, float probability, Tensor? residual, Tensor? rowMask)
    {
        if (probability == 0f || Device.Training is null)
            return Forward(x, residual: residual, rowMask: rowMask);
        Tensor output = Operators.Dropout(Forward(x, rowMask: rowMask), probability);
        return residual is null ? output : Operators.Add(output, Computed(residual));
    }

    /// <inheritdoc/>
    public override Tensor Invoke(CallArguments arguments)
    {
        ArgumentNullException.ThrowIfNull(arguments);
        Tensor x = arguments.Required("x");
        arguments.CheckAllUsed(nameof(Linear));
        return Forward(x);
    }
}
