namespace GpuTransformer.Modules;

public sealed partial record AttentionLayersOptions
{
    // What the stack decides cannot be decided again by a part of it.
    private void ValidateBranches()
    {
        ValidateEach();
        foreach ((AttentionOptions? attention, string name) in new[] { (Attn, nameof(Attn)), (CrossAttn, nameof(CrossAttn)) }
            .Concat((AttnEach ?? []).Select(static a => ((AttentionOptions?)a, nameof(AttnEach))))
            .Concat((CrossAttnEach ?? []).Select(static a => ((AttentionOptions?)a, nameof(CrossAttnEach)))))
        {
            if (attention is null)
                continue;
            OptionChecks.LeftTo(nameof(Dim), Dim, attention.Dim, $"{name}.{nameof(attention.Dim)}");
            OptionChecks.LeftTo(nameof(Heads), Heads, attention.Heads, $"{name}.{nameof(attention.Heads)}");
            OptionChecks.LeftTo(nameof(Dim), Dim, attention.DimOut, $"{name}.{nameof(attention.DimOut)}");
            if (attention.LearnedValueResidualMix)
                throw new ArgumentException($"{name}.LearnedValueResidualMix = true, but the stack decides that: AddValueResidual.", name);
        }

        OptionChecks.LeftTo(nameof(Dim), Dim, Ff.Dim, $"{nameof(Ff)}.{nameof(Ff.Dim)}");
        OptionChecks.LeftTo(nameof(Dim), Dim, Ff.DimOut, $"{nameof(Ff)}.{nameof(Ff.DimOut)}");
        foreach (FeedForwardOptions ff in FfEach ?? [])
        {
            OptionChecks.LeftTo(nameof(Dim), Dim, ff.Dim, $"{nameof(FfEach)}.{nameof(ff.Dim)}");
            OptionChecks.LeftTo(nameof(Dim), Dim, ff.DimOut, $"{nameof(FfEach)}.{nameof(ff.DimOut)}");
        }

        if ((Attn.Causal || AttnEach?.Any(static a => a.Causal) == true) && !Causal)
            throw new ArgumentException(
                "Attn.Causal = true, but the stack decides causality: use a Decoder, or AttentionLayers with Causal = true.", nameof(Attn));
        if (Attn.DimContext is { } width)
        {
            throw new ArgumentException(
                $"Attn.DimContext = {width} would change self-attention too; the width of the context is CrossAttn.DimContext: "
                + $"CrossAttn = new() {{ DimContext = {width} }}.", nameof(Attn));
        }

        if (CrossAttn?.DimContext is not null && !CrossAttend)
            throw new ArgumentException(
                $"CrossAttn.DimContext = {CrossAttn.DimContext} is the width of a context, but CrossAttend is off, so none is attended.", nameof(CrossAttn));
    }

    // As many as there are layers of the kind, which the plan alone knows.
    private void ValidateEach()
    {
        if (AttnEach is null && CrossAttnEach is null && FfEach is null)
            return;
        LayerPlan plan = LayerPlan.Of(this);
        CheckCount(AttnEach?.Count, LayerKind.SelfAttention, nameof(AttnEach));
        CheckCount(CrossAttnEach?.Count, LayerKind.CrossAttention, nameof(CrossAttnEach));
        CheckCount(FfEach?.Count, LayerKind.FeedForward, nameof(FfEach));
        if (AttnEach?.FirstOrDefault(a => a.DimHead != Attn.DimHead) is { } other)
            throw new ArgumentException(
                $"AttnEach has heads {other.DimHead} wide, but the stack's positions are made for Attn.DimHead = {Attn.DimHead}; they must agree.",
                nameof(AttnEach));
        if (AttnEach?.FirstOrDefault(static a => a.DimContext is not null) is not null)
            throw new ArgumentException("AttnEach has a DimContext, but self-attention has no context.", nameof(AttnEach));
        if (CrossAttnEach?.FirstOrDefault(a => (a.DimContext ?? Dim) != ContextDim) is { } wrong)
            throw new ArgumentException(
                $"CrossAttnEach has contexts {wrong.DimContext ?? Dim} and {ContextDim} wide, but one context is attended; they must agree.",
                nameof(CrossAttnEach));

        void CheckCount(int? given, LayerKind kind, string name)
        {
            int layers = plan.Layers.Count(k => k == kind);
            if (given is { } count && (count != layers || count == 0))
                throw new ArgumentException($"{name} has {count} records, but the stack has {layers} layers of the kind; give one for each.", name);
        }
    }
}
