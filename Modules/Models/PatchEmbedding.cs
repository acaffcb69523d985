using GpuTransformer.Host;

namespace GpuTransformer.Modules;

/// <summary>
/// Image patches to tokens: LayerNorm → Linear → LayerNorm. A patch is its pixels row by row, the channels of a pixel together. Keys: <c>0.gamma</c>
/// [patchDim], <c>1.weight</c> [dim, patchDim], <c>1.bias</c> [dim], <c>2.gamma</c> [dim]; gains are stored as they are.
/// </summary>
/// <remarks>Dosovitskiy et al. 2021, with x-transformers' norms on both sides (Kumar et al. 2023).</remarks>
public sealed class PatchEmbedding : Module
{
    private readonly LayerNorm _before;
    private readonly Linear _linear;
    private readonly LayerNorm _after;

    /// <summary>An embedding with PyTorch's initialisation.</summary>
    /// <param name="patchSize">Pixels along one side of a patch.</param>
    /// <param name="channels">Numbers per pixel.</param>
    /// <param name="dim">The tokens' width.</param>
    /// <param name="initializer">For the parameters.</param>
    public PatchEmbedding(int patchSize, int channels, int dim, ParameterInitializer initializer)
        : base(initializer)
    {
        using StepScope construction = Device.BeginConstruction();
        OptionChecks.Positive(patchSize, nameof(patchSize));
        OptionChecks.Positive(channels, nameof(channels));
        OptionChecks.Positive(dim, nameof(dim));
        CheckPatch(patchSize, channels);
        (PatchSize, Channels) = (patchSize, channels);
        _before = AddChild("0", new LayerNorm(PatchDim, unitOffset: false, initializer));
        _linear = AddChild("1", new Linear(PatchDim, dim, bias: true, initializer));
        _after = AddChild("2", new LayerNorm(dim, unitOffset: false, initializer));
        construction.Complete();
    }

    /// <summary>Pixels along one side of a patch.</summary>
    public int PatchSize { get; }

    /// <summary>Numbers per pixel.</summary>
    public int Channels { get; }

    /// <summary>Numbers per patch: patchSize² · channels.</summary>
    public int PatchDim => checked(PatchSize * PatchSize * Channels);

    /// <summary>Refuses a patch of more numbers than an axis can have.</summary>
    internal static void CheckPatch(int patchSize, int channels)
    {
        OptionChecks.Product(patchSize, patchSize, $"patch size * patch size", nameof(patchSize));
        OptionChecks.Product(patchSize * patchSize, channels, $"patch size * patch size * channels", nameof(patchSize));
    }

    /// <summary>Embeds images or patches.</summary>
    /// <param name="x">[batch, channels, height, width], height and width multiples of the patch size; or patches [batch, patches, patchDim].</param>
    /// <returns>[batch, patches, dim], the patches row by row.</returns>
    /// <exception cref="ArgumentException">A shape, data type or device does not fit.</exception>
    public Tensor Forward(Tensor x)
    {
        ArgumentNullException.ThrowIfNull(x);
        if (x.Shape.Rank == 4 && x.Shape[1] != Channels)
            throw new ArgumentException($"'x' has shape {x.Shape}: {x.Shape[1]} channels, but the embedding was built for {Channels}.", nameof(x));
        if (x.Shape.Rank != 4)
            ForwardChecks.Sequence(this, x, PatchDim);
        using InferenceScope scope = InferenceScope.Begin(Device);
        Tensor patches = x.Shape.Rank == 4 ? Operators.ImageToPatches(x, PatchSize) : x;
        return scope.Keep(_after.Forward(_linear.Forward(_before.Forward(patches))));
    }

    /// <inheritdoc/>
    public override Tensor Invoke(CallArguments arguments)
    {
        ArgumentNullException.ThrowIfNull(arguments);
        Tensor x = arguments.Required("x");
        arguments.CheckAllUsed(nameof(PatchEmbedding));
        return Forward(x);
    }
}
