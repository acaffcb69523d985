using GpuTransformer.Host;

namespace GpuTransformer.Modules;

/// <summary>
/// stream + what of the branch's output is orthogonal to the stream, both taken as one long vector for each sample. Key: <c>residual_scale</c> [dim] with
/// ScaleResidual, a factor on the stream.
/// </summary>
/// <remarks>Oh et al. 2025, "Revisiting Residual Connections: Orthogonal Updates", over all positions of a sample, as x-transformers has it.</remarks>
internal sealed class OrthogonalResidual : Residual
{
    private readonly Tensor? _scale; // [dim]

    public OrthogonalResidual(AttentionLayersOptions options, ParameterInitializer initializer)
        : base(initializer)
    {
        if (options.ScaleResidual)
            _scale = AddParameter("residual_scale", initializer.Constant([options.Dim], 1f));
    }

    public override Tensor Join(Tensor branch, PreparedStream prepared, Tensor? mask)
    {
        Tensor stream = _scale is null ? prepared.Stream : Operators.ScaleAndShift(prepared.Stream, _scale.Like(prepared.Stream), null);
        Shape flat = [stream.Shape[0], (int)(stream.Shape.Count / Math.Max(1, stream.Shape[0]))];
        Tensor orthogonal = OrthogonalValues.Project(branch.Reshape(flat), stream.Reshape(flat));
        return Operators.Add(orthogonal.Reshape(stream.Shape), stream);
    }
}
