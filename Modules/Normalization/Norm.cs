using GpuTransformer.Host;

namespace GpuTransformer.Modules;

/// <summary>
/// A normalisation over the last axis. One of one's own derives from it, and a stack uses it with <see cref="AttentionLayersOptions.CustomNorm"/>.
/// </summary>
public abstract class Norm : Module
{
    /// <summary>A norm without parameters yet.</summary>
    protected Norm(ParameterInitializer initializer)
        : base(initializer)
    {
    }

    /// <summary>Normalises.</summary>
    /// <param name="x">[…, dim]</param>
    /// <param name="condition">[batch, dimCondition] or [batch, sequence, dimCondition], for adaptive norms; others leave it alone.</param>
    /// <returns>A tensor of the input's shape.</returns>
    public abstract Tensor Forward(Tensor x, Tensor? condition = null);

    /// <inheritdoc/>
    public override Tensor Invoke(CallArguments arguments)
    {
        ArgumentNullException.ThrowIfNull(arguments);
        Tensor x = arguments.Required("x");
        Tensor? condition = arguments.Optional("condition");
        arguments.CheckAllUsed(GetType().Name);
        return Forward(x, condition);
    }

    /// <summary>The norm that the options ask for.</summary>
    internal static Norm Create(AttentionLayersOptions options, ParameterInitializer initializer)
    {
        if (options.CustomNorm is { } custom)
            return Checked(custom(initializer), initializer);
        int dim = options.Dim;
        bool unitOffset = options.NormAddUnitOffset;
        if (options.UseAdaptiveLayernorm || options.UseAdaptiveRmsnorm)
            return new AdaptiveNorm(dim, options.NormConditionDim, options.UseAdaptiveRmsnorm, initializer);
        if (options.UseRmsnorm)
            return new RmsNorm(dim, unitOffset, initializer);
        if (options.UseScalenorm)
            return new ScaleNorm(unitOffset, initializer);
        if (options.UseSimpleRmsnorm)
            return new SimpleRmsNorm(initializer);
        if (options.UseDynamicTanh)
            return new DynamicTanh(dim, options.DynamicTanhInitAlpha, unitOffset, initializer);
        return options.UseDerf ? new Derf(dim, unitOffset, initializer) : new LayerNorm(dim, unitOffset, initializer);
    }

    private static Norm Checked(Norm? norm, ParameterInitializer initializer)
    {
        const string Option = nameof(AttentionLayersOptions.CustomNorm);
        if (norm is null)
            throw ForwardChecks.Wrong(Option, $"{Option} returned null; it makes a new norm at each call.");
        return ReferenceEquals(norm.Device, initializer.Device)
            ? norm
            : throw ForwardChecks.Wrong(
                Option,
                $"{Option} made a {norm.GetType().Name} on {norm.Device}, but the stack is on {initializer.Device}; "
                + "make it with the initializer that is given.");
    }
}
