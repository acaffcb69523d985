using System.Globalization;
using System.Reflection;
using GpuTransformer.Host;
using GpuTransformer.Modules;
using GpuTransformer.Validation;
using Module = GpuTransformer.Modules.Module;

namespace GpuTransformer.Tests.Modules;

/// <summary>
/// Every public setting that is a number is checked where it is set, or by the constructor that takes the record: what makes no sense is refused by name and
/// value.
/// </summary>
[TestClass]
public sealed class SettingsTests
{
    private static readonly AttentionLayersOptions s_stack = new()
    {
        Dim = 16, Depth = 2, Heads = 2, Attn = new() { DimHead = 8, SoftclampLogits = true, QkNorm = true }, Ff = new() { Glu = true }, CrossAttend = true,
        UseDynamicTanh = true,
        UseLayerscale = true, SoftclampOutput = true,
    };

    private static readonly AttentionLayersOptions s_conditioned = new()
    {
        Dim = 16, Depth = 2, Heads = 2, Attn = new() { DimHead = 8 }, UseAdaptiveLayernorm = true, AdaptiveConditionMlp = true,
    };

    private static readonly AttentionLayersOptions s_alibi = new() { Dim = 16, Depth = 2, Heads = 2, Attn = new() { DimHead = 8 }, AlibiPosBias = true };

    private static readonly TransformerWrapperOptions s_wrapper = new() { NumTokens = 9, MaxSeqLen = 4 };

    private static readonly Module s_model = new FeedForward(new FeedForwardOptions { Dim = 4 }, Cpu);

    // A valid object of each type, and what takes it; what is set on the object itself is checked there.
    private static readonly Dictionary<Type, (Func<object> Create, Action<object> Use)> s_owners = new()
    {
        [typeof(AttentionLayersOptions)] = (static () => s_stack with { }, static o => new AttentionLayers((AttentionLayersOptions)o, Cpu).Dispose()),
        [typeof(AttentionOptions)] = (
            static () => new AttentionOptions { Dim = 16, Heads = 2, DimHead = 8, QkNorm = true, SoftclampLogits = true },
            static o => new Attention((AttentionOptions)o, Cpu).Dispose()),
        [typeof(FeedForwardOptions)] = (
            static () => new FeedForwardOptions { Dim = 16, Glu = true }, static o => new FeedForward((FeedForwardOptions)o, Cpu).Dispose()),
        [typeof(AttendOptions)] = (static () => new AttendOptions(), static o => new Attend((AttendOptions)o, Cpu).Dispose()),
        [typeof(ScaledDotProductOptions)] = (
            static () => new ScaledDotProductOptions(), static o => new ScaledDotProductAttention((ScaledDotProductOptions)o, Cpu).Dispose()),
        [typeof(NormOptions)] = (static () => new NormOptions { Dim = 16 }, Nothing),
        [typeof(TransformerWrapperOptions)] = (
            static () => s_wrapper with { }, static o => Wrap(static (options, stack) => new TransformerWrapper((TransformerWrapperOptions)options, stack), o)),
        [typeof(ContinuousTransformerWrapperOptions)] = (
            static () => new ContinuousTransformerWrapperOptions(),
            static o => Wrap(static (options, stack) => new ContinuousTransformerWrapper((ContinuousTransformerWrapperOptions)options, stack), o)),
        [typeof(ViTransformerWrapperOptions)] = (
            static () => new ViTransformerWrapperOptions { ImageSize = 8, PatchSize = 4 },
            static o => Wrap(static (options, stack) => new ViTransformerWrapper((ViTransformerWrapperOptions)options, stack), o)),
        [typeof(MaskedAutoencoderOptions)] = (
            static () => new MaskedAutoencoderOptions { GridRows = 2, GridColumns = 2, PatchDim = 4 },
            static o => new MaskedAutoencoder((MaskedAutoencoderOptions)o, Cpu).Dispose()),
        [typeof(XTransformerOptions)] = (
            static () => new XTransformerOptions { Encoder = s_wrapper, EncoderLayers = s_alibi, Decoder = s_wrapper, DecoderLayers = s_alibi },
            static o => new XTransformer((XTransformerOptions)o, Cpu).Dispose()),
        [typeof(TokenInputs)] = (static () => new TokenInputs(Tensor.From(Cpu, [1, 1], [0])), Nothing),
        [typeof(AttentionPoolOptions)] = (
            static () => new AttentionPoolOptions { Dim = 16, Heads = 2, DimHead = 8 }, static o => new AttentionPool((AttentionPoolOptions)o, Cpu).Dispose()),
        [typeof(AutoregressiveWrapperOptions)] = (
            static () => new AutoregressiveWrapperOptions(),
            static o => Wrap(static (options, stack)
                => new AutoregressiveWrapper(new TransformerWrapper(s_wrapper, stack), (AutoregressiveWrapperOptions)options), o)),
        [typeof(MultiInputTransformerWrapperOptions)] = (
            static () => new MultiInputTransformerWrapperOptions { NumTokens = new Dictionary<string, int> { ["note"] = 3 }, MaxSeqLen = 4 },
            static o => Wrap(static (options, stack) => new MultiInputTransformerWrapper((MultiInputTransformerWrapperOptions)options, stack), o)),
        [typeof(NonAutoregressiveWrapperOptions)] = (
            static () => new NonAutoregressiveWrapperOptions { MaskId = 8 },
            static o => Wrap(static (options, stack)
                => new NonAutoregressiveWrapper(new TransformerWrapper(s_wrapper, stack), (NonAutoregressiveWrapperOptions)options), o)),
        [typeof(ResidualFunctionOptions)] = (
            static () => new ResidualFunctionOptions(),
            static o => new AttentionLayers(s_alibi with { MvSplitResidual = true, ResidualFnKwargs = (ResidualFunctionOptions)o }, Cpu).Dispose()),
        [typeof(RepeatedBlocks)] = (static () => new RepeatedBlocks(0, 1, 2), static o =>
        {
            using var stack = new AttentionLayers(s_alibi, Cpu);
            stack.Forward(Tensor.Zeros(Cpu, [1, 2, 16]), new StackInputs { RepeatBlocks = [(RepeatedBlocks)o] }).Dispose();
        }),
        [typeof(AmateurModel)] = (static () => new AmateurModel(Written().Net), static o =>
        {
            using AutoregressiveWrapper model = Written();
            model.GenerateContrastive(new TokenInputs(Tensor.From(Cpu, [1, 1], [0])), 1, [(AmateurModel)o]).Dispose();
        }),
        [typeof(DpoOptions)] = (static () => new DpoOptions(), Nothing),
        [typeof(GenerationOptions)] = (static () => new GenerationOptions(), Nothing),
        [typeof(LearningRateSchedule)] = (static () => new LearningRateSchedule { Peak = 1, TotalSteps = 10 }, Nothing),
        [typeof(ParameterGroup)] = (static () => new ParameterGroup("*"), Nothing),
        [typeof(TrainedParameter)] = (static () => Parameters()[0], Nothing),
        [typeof(AdamW)] = (static () => new AdamW(Parameters()), Nothing),
        [typeof(Sgd)] = (static () => new Sgd(Parameters()), Nothing),
        [typeof(Lion)] = (static () => new Lion(Parameters()), Nothing),
        [typeof(Trainer)] = (static () => new Trainer(s_model, new Sgd(Parameters()), new LearningRateSchedule { Peak = 1, TotalSteps = 10 }), Nothing),
        [typeof(ComputeDeviceOptions)] = (static () => new ComputeDeviceOptions(), Nothing),
        [typeof(ScoreOptions)] = (static () => new ScoreOptions { Heads = 2 }, static o => Attend((ScoreOptions)o)),
        [typeof(AdamWStep)] = (
            static () => new AdamWStep(1e-3, 1), static o => Operators.AdamWUpdate(Numbers(), Numbers(), Numbers(), Numbers(), (AdamWStep)o)),
    };

    // Any number is a meaning: seeds, numbers of tokens that may be outside the vocabulary.
    private static readonly HashSet<string> s_free =
    [
        "GenerationOptions.Seed", "Trainer.Seed", "AutoregressiveWrapperOptions.IgnoreIndex", "XTransformerOptions.IgnoreIndex",
    ];

    // What a property allows beyond the rule: a negative factor turns something round and means it.
    private static readonly HashSet<string> s_maybeNegative =
    [
        "ScoreOptions.Scale", "AttendOptions.Scale", "ScaledDotProductOptions.Scale", "AttentionLayersOptions.ScaleResidualConstant",
        "AttentionLayersOptions.DynamicTanhInitAlpha",
        "AttentionLayersOptions.LayerscaleInitValue", "ResidualFunctionOptions.InitAlpha", "ResidualFunctionOptions.InitBeta", "AmateurModel.Beta",
    ];

    private static readonly HashSet<string> s_notZero =
    [
        "Trainer.ClipNorm", "Trainer.AccumulationSteps", "AdamW.Epsilon", "AdamWStep.Epsilon", "AdamWStep.Step", "LearningRateSchedule.Peak",
        "GenerationOptions.TopK", "ComputeDeviceOptions.Threads",
        "ScoreOptions.Heads", "ScoreOptions.SoftClamp", "AttentionLayersOptions.Dim", "AttentionLayersOptions.Depth", "AttentionLayersOptions.Heads",
        "TransformerWrapperOptions.NumTokens",
    ];

    // Records that the library makes, and that nobody sets.
    private static readonly HashSet<string> s_results =
        [nameof(Comparison), nameof(StepResult), nameof(DeviceDescription), nameof(ActivationMemory), nameof(ParameterFacts), nameof(SafetensorsEntry),
            nameof(OperatorCost), nameof(DeviceKernel), nameof(Exception), nameof(SpeculativeResult)];

    // Kept shares and dropout probabilities end before one.
    private static readonly string[] s_belowOne = ["Beta1", "Beta2", "Momentum", "Dropout"];

    private static ComputeDevice Cpu => TestDevices.Get("cpu");

    [TestMethod]
    public void What_makes_no_sense_is_refused_by_name_and_value()
    {
        var silent = new List<string>();
        foreach ((Type owner, (Func<object> create, Action<object> use)) in s_owners)
        {
            foreach (PropertyInfo property in Numbers(owner))
            {
                string name = $"{owner.Name}.{property.Name}";
                foreach (object bad in s_free.Contains(name) ? [] : BadValues(name, property))
                {
                    string? complaint = Complaint(Base(create(), property), property, bad, use);
                    if (complaint is null || !complaint.Contains(Plain(property.Name), StringComparison.OrdinalIgnoreCase)
                        || !complaint.Contains(string.Create(CultureInfo.CurrentCulture, $"{bad}"), StringComparison.Ordinal))
                        silent.Add($"{name} = {bad}: {complaint ?? "accepted"}");
                }
            }
        }

        Assert.IsEmpty(silent, string.Join('\n', silent));
    }

    [TestMethod]
    public void No_public_setting_that_is_a_number_is_left_out()
    {
        IEnumerable<Type> types = typeof(ComputeDevice).Assembly.GetExportedTypes().Concat(typeof(AttentionLayers).Assembly.GetExportedTypes());
        string[] missing =
            [.. types.Where(static type => !s_owners.ContainsKey(type)
                && !s_owners.Keys.Any(owner => owner.IsSubclassOf(type))).SelectMany(Numbers).Select(static p
                => $"{p.DeclaringType!.Name}.{p.Name}").Distinct()];
        missing = [.. missing.Where(static name => !s_results.Contains(name.Split('.')[0]))];
        Assert.IsEmpty(missing, string.Join(", ", missing));
    }

    [TestMethod]
    public void Constructors_check_their_numbers()
    {
        foreach (double bad in new[] { double.NaN, -0.1, 1, double.PositiveInfinity })
            Assert.Contains("decay", Assert.Throws<ArgumentException>(() => new ExponentialMovingAverage(Parameters(), bad)).Message);
        foreach (float bad in new[] { float.NaN, 0f, -1f, 3f, float.PositiveInfinity })
            Assert.Contains("scale", Assert.Throws<ArgumentException>(() => new LossScaler(bad)).Message);
        foreach (int bad in new[] { 0, -1 })
            Assert.Contains("growthInterval", Assert.Throws<ArgumentException>(() => new LossScaler(2f, bad)).Message);
        Assert.Throws<ArgumentException>(() => new ParameterGroup(string.Empty));
        foreach (Func<int, Module> create in new Func<int, Module>[]
        {
            static dim => new LayerNorm(dim, Cpu), static dim => new RmsNorm(dim, Cpu), static dim => new LearnedPositions(dim, 4, Cpu),
            static dim
                => new LearnedPositions(4, dim, Cpu), static dim => new Linear(dim, 4, Cpu), static dim => new Linear(4, dim, Cpu), static dim
                => new TokenEmbedding(dim, 4, Cpu),
            static dim => new TokenEmbedding(4, dim, Cpu),
        })
        {
            foreach (int bad in new[] { 0, -2 })
                Assert.Contains($" = {bad}", Assert.Throws<ArgumentException>(() => create(bad)).Message);
        }

        Assert.Throws<ArgumentException>(() => new ParameterGroup("*") with { Pattern = string.Empty });
    }

    [TestMethod]
    public void A_misspelt_variant_is_named_beside_the_right_ones()
    {
        using ComputeDevice device = TestDevices.OpenNew("cpu");
        device.PreferredVariant = "TensorCore";
        string message = Assert.Throws<ArgumentException>(() => device.PreferredVariant = "Tensorcore").Message;
        Assert.Contains("PreferredVariant = 'Tensorcore'", message);
        Assert.Contains("TensorCore", message);
        Assert.AreEqual("TensorCore", device.PreferredVariant, "What was refused changed nothing.");
        device.PreferredVariant = null;
    }

    [TestMethod]
    public void A_trainer_whose_schedule_is_over_says_so_and_changes_nothing()
    {
        using var model = new FeedForward(new FeedForwardOptions { Dim = 4 }, Cpu);
        using Tensor x = Numbers();
        using var trainer = new Trainer(model, new Sgd(TrainedParameter.Of(model)), new LearningRateSchedule { Peak = 0.1, TotalSteps = 2 });
        StepResult Step() => trainer.Step(() => Operators.MeanSquaredError(model.Forward(x), x));
        Step();
        Step();
        float[] before = model.NamedParameters().First().Value.ToArray();
        Assert.Contains("TotalSteps = 2", Assert.ThrowsExactly<InvalidOperationException>(() => Step()).Message);
        CollectionAssert.AreEqual(before, model.NamedParameters().First().Value.ToArray());
        Assert.AreEqual(2, trainer.StepNumber);
        using var going = new Trainer(model, new Sgd(TrainedParameter.Of(model)), new LearningRateSchedule { Peak = 0.1, TotalSteps = 1, Final = 0.01 });
        for (int i = 0; i < 3; i++)
            Assert.AreEqual(i == 0 ? 0.1 : 0.01, going.Step(() => Operators.MeanSquaredError(model.Forward(x), x)).Rate, 1e-12);
        Assert.Contains(
            "WarmUpSteps = 5",
            Assert.Throws<ArgumentException>(()
                => new Trainer(model, going.Optimizer, new LearningRateSchedule { Peak = 1, WarmUpSteps = 5, TotalSteps = 5 })).Message);
    }

    private static AutoregressiveWrapper Written()
        => new(new TransformerWrapper(s_wrapper, new Decoder(new AttentionLayersOptions { Dim = 8, Depth = 1, Heads = 2, Attn = new() { DimHead = 4 } }, Cpu)));

    private static IEnumerable<PropertyInfo> Numbers(Type owner) => owner.GetProperties(BindingFlags.Public | BindingFlags.Instance)
        .Where(static p => p.SetMethod is { IsPublic: true } && IsNumber(Nullable.GetUnderlyingType(p.PropertyType) ?? p.PropertyType));

    private static bool IsNumber(Type type) => type == typeof(int) || type == typeof(long) || type == typeof(float) || type == typeof(double);

    private static IEnumerable<object> BadValues(string name, PropertyInfo property)
    {
        Type type = Nullable.GetUnderlyingType(property.PropertyType) ?? property.PropertyType;
        double[] bad = type == typeof(int) || type == typeof(long) ? [-1] : [double.NaN, double.PositiveInfinity, -1];
        foreach (double value in bad.Where(v => v != -1 || !s_maybeNegative.Contains(name)).Concat(s_notZero.Contains(name) ? [0]
            : []).Concat(s_belowOne.Contains(Plain(property.Name)) ? [1] : []))
            yield return Convert.ChangeType(value, type, CultureInfo.InvariantCulture);
    }

    // Numbers that only some stacks read.
    private static object Base(object owner, PropertyInfo property) => owner is not AttentionLayersOptions ? owner : property.Name switch
    {
        nameof(AttentionLayersOptions.DimCondition) or nameof(AttentionLayersOptions.AdaptiveConditionMlpExpansion) => s_conditioned with { },
        nameof(AttentionLayersOptions.AlibiNumHeads) => s_alibi with { },
        _ => owner,
    };

    private static string? Complaint(object owner, PropertyInfo property, object bad, Action<object> use)
    {
        try
        {
            property.SetValue(owner, bad);
            use(owner);
            return null;
        }
        catch (TargetInvocationException exception) when (exception.InnerException is ArgumentException inner)
        {
            return inner.Message;
        }
        catch (ArgumentException exception)
        {
            return exception.Message;
        }
        finally
        {
            if (owner is Optimizer optimizer)
                optimizer.Dispose();
        }
    }

    private static string Plain(string name) => name switch
    {
        nameof(ScoreOptions.KeyValueHeads) => "key/value heads",
        nameof(ScoreOptions.FreeColumns) => "free columns",
        nameof(ScoreOptions.SoftClamp) => "soft clamp",
        _ => name,
    };

    private static void Nothing(object owner)
    {
        if (owner is Trainer trainer)
            trainer.Dispose();
    }

    private static void Wrap(Func<object, AttentionLayers, Module> create, object options)
    {
        using var stack = new Decoder(s_alibi, Cpu);
        create(options, stack).Dispose();
    }

    private static IReadOnlyList<TrainedParameter> Parameters() => TrainedParameter.Of(s_model);

    private static Tensor Numbers() => Tensor.From(Cpu, [1, 2, 4], [1f, 2f, 3f, 4f, 5f, 6f, 7f, 8f]);

    private static void Attend(ScoreOptions options)
    {
        using StepScope step = Cpu.BeginStep();
        Tensor x = Tensor.From(Cpu, [1, 2, 4], new float[8]);
        Operators.Attention(x, x, x, options);
    }
}
