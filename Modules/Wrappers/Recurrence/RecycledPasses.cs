using GpuTransformer.Host;

namespace GpuTransformer.Modules;

/// <summary>
/// Several passes through a stack, each given the embeddings plus a projection of what the pass before gave. Only the last learns: no gradient goes into the
/// others. Key: <c>recycled_proj.weight</c> [dim, dim].
/// </summary>
/// <remarks>Jumper et al. 2021, AlphaFold 2.</remarks>
internal sealed class RecycledPasses
{
    private readonly Linear _projection;
    private readonly int _mostInTraining;

    private RecycledPasses(TransformerWrapper owner, int dim, ParameterInitializer initializer)
    {
        _mostInTraining = owner.Options.TrainMaxRecycleSteps;
        _projection = owner.Own("recycled_proj", new Linear(dim, dim, bias: false, initializer));
    }

    /// <summary>Those of a model, which owns the projection; null for one that passes once.</summary>
    public static RecycledPasses? Of(TransformerWrapper owner, int dim, ParameterInitializer initializer)
        => owner.Options.Recycling ? new RecycledPasses(owner, dim, initializer) : null;

    /// <param name="x">[batch, sequence, dim]: the embeddings.</param>
    /// <param name="steps">How many passes; null in training for a number drawn evenly from 1 to TrainMaxRecycleSteps.</param>
    /// <param name="pass">One pass through the stack.</param>
    /// <returns>What the last pass gave.</returns>
    public Tensor Run(Tensor x, int? steps, Func<Tensor, Tensor> pass)
    {
        int count = steps ?? Math.Min(_mostInTraining, 1 + (int)(x.Device.Training!.NextUniform() * _mostInTraining));
        Tensor? before = null;
        for (int step = 1; step < count; step++)
        {
            using StepScope pause = x.Device.NoGradient();
            before = pass(With(x, before));
        }

        return pass(With(x, before));
    }

    private Tensor With(Tensor x, Tensor? before) => before is null ? x : Operators.Add(x, _projection.Forward(before.Detach()));
}
