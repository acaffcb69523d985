using GpuTransformer.Host;

namespace GpuTransformer.Modules;

/// <summary>
/// stream + β · (y − mean y) + α · (mean y − mean stream), y being the branch's output and means being taken over the visible positions of a sample; α and β
/// are learned for each channel or, with ResidualFnKwargs.Learned, projections of mean y. Keys: <c>alpha</c>, <c>beta</c> [dim], or <c>to_alpha</c>,
/// <c>to_beta</c> <c>.weight</c>, <c>.bias</c>.
/// </summary>
/// <remarks>Lu 2026, "mean and variance split".</remarks>
internal sealed class MeanSplitResidual : Residual
{
    private readonly Tensor? _alpha; // [dim]
    private readonly Tensor? _beta;  // [dim]
    private readonly Linear? _toAlpha;
    private readonly Linear? _toBeta;

    public MeanSplitResidual(AttentionLayersOptions options, ParameterInitializer initializer)
        : base(initializer)
    {
        using StepScope construction = Device.BeginConstruction();
        ResidualFunctionOptions settings = options.ResidualFnKwargs ?? new ResidualFunctionOptions();
        if (settings.Learned)
        {
            _toAlpha = Project("to_alpha", settings.InitAlpha);
            _toBeta = Project("to_beta", settings.InitBeta);
        }
        else
        {
            _alpha = AddParameter("alpha", initializer.Constant([options.Dim], settings.InitAlpha));
            _beta = AddParameter("beta", initializer.Constant([options.Dim], settings.InitBeta));
        }

        construction.Complete();

        Linear Project(string name, float bias)
        {
            Linear linear = AddChild(name, new Linear(options.Dim, options.Dim, bias: true, initializer, zero: true));
            var values = new float[options.Dim];
            Array.Fill(values, bias);
            linear.Bias!.Write(values);
            return linear;
        }
    }

    public override Tensor Join(Tensor branch, PreparedStream prepared, Tensor? mask)
    {
        (int batch, int dim) = (branch.Shape[0], branch.Shape[2]);
        Tensor mean = Mean(branch), streamMean = Mean(prepared.Stream);
        Tensor alpha = _toAlpha?.Forward(mean) ?? _alpha!.Like(branch), beta = _toBeta?.Forward(mean) ?? _beta!.Like(branch);
        return prepared.Stream + ((branch - mean) * beta + (mean - streamMean) * alpha);

        Tensor Mean(Tensor x) => MeanPooling.Over(x, mask).Reshape([batch, 1, dim]);
    }
}
