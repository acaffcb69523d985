using GpuTransformer.Host;

namespace GpuTransformer.Modules;

/// <summary>
/// Direct preference optimisation: −ln σ(β · ((π⁺ − π⁻) − (ρ⁺ − ρ⁻))), π and ρ being the mean log-probability that the policy and a frozen reference give the
/// tokens of the preferred (+) and the other (−) answer. Keys: <c>policy_model.…</c>, <c>ref_model.…</c>.
/// </summary>
/// <remarks>
/// Rafailov et al. 2023. The reference never learns: train <c>TrainedParameter.Of(dpo.PolicyModel)</c>. A position counts where it is no prompt and no padding
/// itself, whatever the token after it is, as in x-transformers.
/// </remarks>
public sealed class DPO : Module
{
    /// <summary>A wrapper around two models, which it owns from then on.</summary>
    /// <param name="policyModel">What learns.</param>
    /// <param name="refModel">A model built alike; its parameters become copies of the policy's, and remain what they are.</param>
    /// <param name="options">β and padding; null for x-transformers' defaults.</param>
    /// <exception cref="ArgumentException">
    /// The models are not alike or the same one, a stack sees later tokens, or a model has no logits for each token.
    /// </exception>
    public DPO(TransformerWrapper policyModel, TransformerWrapper refModel, DpoOptions? options = null)
        : base(Like(policyModel))
    {
        ArgumentNullException.ThrowIfNull(refModel);
        NextTokenNet.Check(policyModel);
        NextTokenNet.Check(refModel);
        Options = options ?? new DpoOptions();
        CopyParameters(policyModel, refModel);
        PolicyModel = AddChild("policy_model", policyModel);
        RefModel = AddChild("ref_model", refModel);
    }

    /// <summary>What learns.</summary>
    public TransformerWrapper PolicyModel { get; }

    /// <summary>What the policy was at first.</summary>
    public TransformerWrapper RefModel { get; }

    /// <summary>β and padding.</summary>
    public DpoOptions Options { get; }

    /// <summary>The mean loss of pairs of answers.</summary>
    /// <param name="preferred">Int32 or Int64 [batch, sequence], at least two tokens long: prompt and preferred answer.</param>
    /// <param name="unpreferred">The same shape: prompt and other answer.</param>
    /// <param name="promptMask">bool [batch, sequence]: true where the prompt is.</param>
    /// <param name="preferredMask">bool [batch, sequence]: false where padding is; null for what PadId says.</param>
    /// <param name="unpreferredMask">Likewise for the other answer.</param>
    /// <returns>A float32 scalar.</returns>
    /// <exception cref="ArgumentException">A shape, data type, device or id does not fit.</exception>
    public Tensor Loss(Tensor preferred, Tensor unpreferred, Tensor promptMask, Tensor? preferredMask = null, Tensor? unpreferredMask = null)
    {
        ArgumentNullException.ThrowIfNull(promptMask);
        (int batch, int length) = Check(preferred, unpreferred);
        ForwardChecks.Mask(this, promptMask, batch, length, "token");
        ForwardChecks.Mask(this, preferredMask, batch, length, "token of 'preferred'");
        ForwardChecks.Mask(this, unpreferredMask, batch, length, "token of 'unpreferred'");
        using InferenceScope scope = InferenceScope.Begin(Device);
        Tensor good = Counted(promptMask, preferredMask ?? NoPadding(preferred)), bad = Counted(promptMask, unpreferredMask ?? NoPadding(unpreferred));
        Tensor before = Reference(preferred, good, unpreferred, bad);
        Tensor now = Mean(PolicyModel, preferred, good) - Mean(PolicyModel, unpreferred, bad);
        return scope.Keep(-LogSigmoid.Of((now - before) * Options.Beta).Mean());
    }

    /// <inheritdoc/>
    public override Tensor Invoke(CallArguments arguments)
    {
        ArgumentNullException.ThrowIfNull(arguments);
        Tensor preferred = arguments.Required("preferred_seq"), unpreferred = arguments.Required("unpreferred_seq"), prompt = arguments.Required("prompt_mask");
        Tensor? preferredMask = arguments.Optional("preferred_seq_mask"), unpreferredMask = arguments.Optional("unpreferred_seq_mask");
        arguments.CheckAllUsed(nameof(DPO));
        return Loss(preferred, unpreferred, prompt, preferredMask, unpreferredMask);
    }

    private static ParameterInitializer Like(TransformerWrapper model)
    {
        ArgumentNullException.ThrowIfNull(model);
        return new ParameterInitializer(model.Device, 0, model.DType);
    }

    private static void CopyParameters(TransformerWrapper from, TransformerWrapper to)
    {
        (string Name, Tensor Value)[] source = [.. from.NamedParameters()], target = [.. to.NamedParameters()];
        static (string, Shape, DType) Kind((string Name, Tensor Value) p) => (p.Name, p.Value.Shape, p.Value.DType);
        if (!source.Select(Kind).SequenceEqual(target.Select(Kind)))
            throw ForwardChecks.Wrong("refModel", "'refModel' has other parameters than 'policyModel'; build both with the same options.");
        if (ReferenceEquals(from, to) || source.Zip(target).Any(static p => ReferenceEquals(p.First.Value, p.Second.Value)))
            throw ForwardChecks.Wrong("refModel", "'refModel' shares parameters with 'policyModel' and would learn with it; build it on its own.");
        foreach ((Tensor given, Tensor copy) in source.Select(static p => p.Value).Zip(target.Select(static p => p.Value)))
            copy.Write(given.ToArray());
    }

    private (int Batch, int Length) Check(Tensor preferred, Tensor unpreferred)
    {
        new TokenInputs(preferred).Check(PolicyModel);
        new TokenInputs(unpreferred).Check(PolicyModel);
        if (preferred.Shape != unpreferred.Shape || preferred.Shape[1] < 2)
            throw ForwardChecks.Wrong(
                nameof(unpreferred),
                $"'preferred' has shape {preferred.Shape} and 'unpreferred' {unpreferred.Shape}, but both need the same [batch, sequence], at least two tokens "
                + "long.");
        return (preferred.Shape[0], preferred.Shape[1]);
    }

    private Tensor? NoPadding(Tensor ids) => Options.PadId is { } pad
        ? Tensor.From(Device, ids.Shape, Array.ConvertAll(ids.ToInt64Array(), id => id != pad))
        : null;

    // Bool [batch, sequence − 1]: the positions whose next token counts.
    private Tensor Counted(Tensor promptMask, Tensor? mask)
    {
        bool[] prompt = promptMask.ToBoolArray(), seen = mask?.ToBoolArray() ?? [];
        int length = promptMask.Shape[1];
        var counted = new bool[promptMask.Shape[0] * (length - 1)];
        for (int i = 0; i < counted.Length; i++)
        {
            int place = i / (length - 1) * length + i % (length - 1);
            counted[i] = !prompt[place] && (mask is null || seen[place]);
        }

        return Tensor.From(Device, [promptMask.Shape[0], length - 1], counted);
    }

    private Tensor Reference(Tensor preferred, Tensor good, Tensor unpreferred, Tensor bad)
    {
        using StepScope pause = Device.NoGradient();
        using StepScope evaluation = Device.BeginEvaluation();
        return Mean(RefModel, preferred, good) - Mean(RefModel, unpreferred, bad);
    }

    // The mean log-probability of the tokens that count: [batch]
    private static Tensor Mean(TransformerWrapper model, Tensor ids, Tensor counted)
    {
        (int batch, int targets) = (ids.Shape[0], ids.Shape[1] - 1);
        Tensor logits = model.Forward(ids.Narrow(1, 0, targets)).As(DType.Float32);
        Tensor said = logits.Gather(-1, ids.Narrow(1, 1, targets).Reshape([batch, targets, 1])).Reshape([batch, targets]) - logits.LogSumExp(-1);
        Tensor count = Operators.Where(counted, Tensor.From(ids.Device, [1], [1f]), 0f).Sum(1);
        return Operators.Where(counted, said, 0f).Sum(1) / Operators.Maximum(count, 1f);
    }
}
