using GpuTransformer.Host;

namespace GpuTransformer.Modules;

/// <summary>
/// Several passes through a stack, each given what the one before gave; a gate learns after which of them to stop. Key: <c>exit_gate.weight</c> [1, dim].
/// </summary>
/// <remarks>Zhu et al. 2025, "Scaling Latent Reasoning via Looped Language Models" (arXiv 2510.25741).</remarks>
internal sealed class LoopedPasses
{
    private readonly Linear _exitGate;
    private readonly int _most;

    private LoopedPasses(TransformerWrapper owner, int dim, ParameterInitializer initializer)
    {
        _most = owner.Options.MaxLoopedSteps;
        _exitGate = owner.Own("exit_gate", new Linear(dim, 1, bias: false, initializer));
    }

    /// <summary>Those of a model, which owns the gate; null for one that passes once.</summary>
    public static LoopedPasses? Of(TransformerWrapper owner, int dim, ParameterInitializer initializer)
        => owner.Options.Looped ? new LoopedPasses(owner, dim, initializer) : null;

    /// <param name="x">[batch, sequence, dim]: the embeddings.</param>
    /// <param name="steps">How many passes; null for MaxLoopedSteps.</param>
    /// <param name="pass">One pass through the stack.</param>
    /// <param name="each">Receives what every pass gave; null where nobody asks.</param>
    /// <returns>What the last pass gave.</returns>
    public Tensor Run(Tensor x, int? steps, Func<Tensor, Tensor> pass, IList<Tensor>? each)
    {
        for (int step = 0; step < (steps ?? _most); step++)
        {
            x = pass(x);
            each?.Add(x);
        }

        return x;
    }

    /// <summary>How sure the gate is that the passes may stop here, before the sigmoid: [batch, sequence].</summary>
    /// <param name="y">[batch, sequence, dim]: what a pass gave.</param>
    public Tensor ExitLogits(Tensor y) => _exitGate.Forward(y).Reshape([y.Shape[0], y.Shape[1]]);
}
