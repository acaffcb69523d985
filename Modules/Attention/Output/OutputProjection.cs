using GpuTransformer.Host;

namespace GpuTransformer.Modules;

/// <summary>
/// From the merged heads to the branch's output: a projection (key <c>to_out.weight</c>), a gated linear unit with OnAttn (<c>to_out.0.weight</c>), or nothing;
/// then hidden queries are set to zero, dropout acts and the residual is added, in the projection's own launch where there is a plain one.
/// </summary>
internal sealed record OutputProjection(Linear? Linear, bool IsGated, float Dropout)
{
    public static OutputProjection Of(Attention owner, ParameterInitializer initializer)
    {
        AttentionOptions options = owner.Options;
        int width = options.MergedWidth * options.OutputCopies;
        Linear? linear = !options.HasOutputProjection ? null
            : options.OnAttn
                ? owner.Own("to_out", new ModuleGroup(initializer)).Add("0", new Linear(width, 2 * options.OutputDim, bias: false, initializer))
                : owner.Own("to_out", new Linear(width, options.OutputDim, bias: false, initializer, options.ZeroInitOutput));
        return new OutputProjection(linear, options.OnAttn, options.SublayerDropout);
    }

    public Tensor Forward(Tensor merged, Tensor? queryMask, Tensor? residual)
    {
        if (Linear is not null && !IsGated)
            return Linear.WithDropout(merged, Dropout, residual, queryMask);
        Tensor output = Linear is null ? merged : Operators.GatedLinearUnit(Linear.Forward(merged), Activation.Sigmoid);
        if (queryMask is not null)
            output = Operators.MaskRows(output, queryMask);
        output = Operators.Dropout(output, Dropout);
        return residual is null ? output : Operators.Add(output, residual);
    }
}
