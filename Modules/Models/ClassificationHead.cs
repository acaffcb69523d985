using GpuTransformer.Host;

namespace GpuTransformer.Modules;

/// <summary>The logits of a whole sequence: mean over the visible tokens, then Wx + b. Keys: <c>weight</c> [classes, dim], <c>bias</c> [classes].</summary>
public sealed class ClassificationHead : Module
{
    private readonly Tensor _weight; // [classes, dim]
    private readonly Tensor _bias;   // [classes]

    /// <summary>A head with PyTorch's initialisation.</summary>
    /// <param name="dim">The tokens' width.</param>
    /// <param name="classes">How many logits.</param>
    /// <param name="initializer">For the parameters.</param>
    public ClassificationHead(int dim, int classes, ParameterInitializer initializer)
        : base(initializer)
    {
        using StepScope construction = Device.BeginConstruction();
        OptionChecks.Positive(dim, nameof(dim));
        OptionChecks.Positive(classes, nameof(classes));
        _weight = AddParameter("weight", initializer.Uniform([classes, dim], dim));
        _bias = AddParameter("bias", initializer.Uniform([classes], dim));
        construction.Complete();
    }

    /// <summary>Classifies sequences.</summary>
    /// <param name="tokens">[batch, sequence, dim]</param>
    /// <param name="mask">bool [batch, sequence], true to keep; null for all. Where nothing is visible the mean is zero.</param>
    /// <returns>[batch, classes]</returns>
    /// <exception cref="ArgumentException">A shape, data type or device does not fit.</exception>
    public Tensor Forward(Tensor tokens, Tensor? mask = null)
    {
        ForwardChecks.Sequence(this, tokens, _weight.Shape[1]);
        ForwardChecks.Mask(this, mask, tokens.Shape[0], tokens.Shape[1], "position of 'tokens'");
        using InferenceScope scope = InferenceScope.Begin(Device);
        return scope.Keep(OfPooled(MeanPooling.Over(tokens, mask)));
    }

    /// <inheritdoc/>
    public override Tensor Invoke(CallArguments arguments)
    {
        ArgumentNullException.ThrowIfNull(arguments);
        (Tensor x, Tensor? mask) = (arguments.Required("x"), arguments.Optional("mask"));
        arguments.CheckAllUsed(nameof(ClassificationHead));
        return Forward(x, mask);
    }

    /// <summary>The logits of a mean that is there already: [batch, dim] to [batch, classes].</summary>
    internal Tensor OfPooled(Tensor pooled) => Operators.Linear(Computed(pooled), Computed(_weight), Computed(_bias));
}
