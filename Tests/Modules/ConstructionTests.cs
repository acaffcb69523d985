using GpuTransformer.Host;
using GpuTransformer.Modules;

namespace GpuTransformer.Tests.Modules;

/// <summary>A constructor that throws, wherever it throws, leaves nothing on the device.</summary>
[TestClass]
public sealed class ConstructionTests
{
    private static readonly AttentionLayersOptions s_plain = new() { Dim = 8, Depth = 2, Heads = 2, Attn = new() { DimHead = 4 }, Ff = new() { Mult = 1 } };

    private static readonly AttentionOptions s_richAttn = s_plain.Attn with
    {
        NumMemKv = 2, QkNorm = true, QkNormDimScale = true, HeadScale = true, GateValues = true, GateValueHeads = true,
        PostTalkingHeads = true, HeadLearnedSink = true,
    };

    // With whatever options add parameters or constants of their own. One layer of each kind: every refused allocation has the whole process collected.
    private static readonly AttentionLayersOptions s_rich = s_plain with
    {
        Depth = 1,
        AlibiPosBias = true, CrossAttend = true, Attn = s_richAttn, CrossAttn = s_richAttn with { DimContext = 6 },
        Ff = s_plain.Ff with { Glu = true, GluMultBias = true, PostActLn = true }, Macaron = true, SandwichNorm = true, PreAndPostNorm = false,
        UseAdaptiveLayerscale = true, UseDynamicTanh = true,
        ScaleResidual = true, GateResidual = true, AdaptiveConditionMlp = true, DimCondition = 3,
    };

    private static readonly TransformerWrapperOptions s_wrapper = new()
    {
        NumTokens = 5, MaxSeqLen = 4, EmbDim = 6, NumMemoryTokens = 1, PostEmbNorm = true, UseClsToken = true,
        EmbedNumTokens = new Dictionary<string, int> { ["kind"] = 3 },
    };

    /// <summary>Every public module, and what else owns tensors, by the names of the test's rows.</summary>
    private static readonly Dictionary<string, Func<ComputeDevice, IDisposable>> s_makers = new(StringComparer.Ordinal)
    {
        [nameof(AttentionLayers)] = static d => new AttentionLayers(s_plain, d),
        [nameof(Encoder)] = static d => new Encoder(s_rich, d),
        [nameof(Decoder)] = static d => new Decoder(
            s_plain with { UseLayerscale = true, UseDerf = true, Attn = s_plain.Attn with { QkRmsnorm = true, OnAttn = true } }, d),
        [nameof(CrossAttender)] = static d => new CrossAttender(s_plain with { UseAdaptiveRmsnorm = true, DimCondition = 3 }, d),
        [nameof(PrefixDecoder)] = static d => new PrefixDecoder(s_plain with { UseScalenorm = true, Ff = s_plain.Ff with { Solu = true } }, d),
        [nameof(TransformerBlock)] = static d => new TransformerBlock(s_plain with { Depth = 1, UseRmsnorm = true }, d, 0, DType.BFloat16),
        [nameof(Attention)] = static d => new Attention(s_rich.SelfAttention(), d),
        [nameof(FeedForward)] = static d => new FeedForward(s_rich.FeedForward(), d),
        [nameof(Linear)] = static d => new Linear(3, 4, d),
        [nameof(LayerNorm)] = static d => new LayerNorm(3, d),
        [nameof(RmsNorm)] = static d => new RmsNorm(3, d),
        [nameof(ScaleNorm)] = static d => new ScaleNorm(d),
        [nameof(TokenEmbedding)] = static d => new TokenEmbedding(3, 4, d),
        [nameof(LearnedPositions)] = static d => new LearnedPositions(3, 4, d),
        [nameof(SinusoidalPositions)] = static d => new SinusoidalPositions(4, d),
        [nameof(PatchEmbedding)] = static d => new PatchEmbedding(2, 3, 4, new ParameterInitializer(d)),
        [nameof(ClassificationHead)] = static d => new ClassificationHead(3, 4, new ParameterInitializer(d)),
        [nameof(XTransformer)] = static d => new XTransformer(
            new XTransformerOptions { Encoder = s_wrapper with { UseClsToken = false }, Decoder = s_wrapper with { UseClsToken = false },
                EncoderLayers = s_plain, DecoderLayers = s_plain, TieTokenEmb = true }, d),
        [nameof(MaskedAutoencoder)] = static d => new MaskedAutoencoder(
            new MaskedAutoencoderOptions { GridRows = 2, GridColumns = 2, PatchDim = 4, EncoderDim = 8, EncoderDepth = 1, EncoderHeads = 2, DecoderDim = 4,
                DecoderDepth = 1, DecoderHeads = 1, DimHead = 4 }, d),
        [nameof(TransformerWrapper)] = static d => Around(d, static stack => new TransformerWrapper(s_wrapper, stack)),
        [nameof(ViTransformerWrapper)] = static d => Around(
            d, static stack
                => new ViTransformerWrapper(new ViTransformerWrapperOptions { ImageSize = 4, PatchSize = 2, NumClasses = 3, PostEmbNorm = true,
                    NumRegisterTokens = 1 }, stack)),
        [nameof(ContinuousTransformerWrapper)] = static d => Around(
            d, static stack
                => new ContinuousTransformerWrapper(new ContinuousTransformerWrapperOptions { DimIn = 3, DimOut = 4, MaxSeqLen = 5, NumMemoryTokens = 1,
                    PostEmbNorm = true }, stack)),
        [nameof(AutoregressiveWrapper)] = static d => ModuleFactory.Create(
            """{"class": "AutoregressiveWrapper", "kwargs": {}, "ctor_args": [{"class": "TransformerWrapper", "kwargs": {"num_tokens": 5, "max_seq_len": 4, "attn_layers": {"class": "Decoder", "kwargs": {"dim": 8, "depth": 1, "heads": 2, "attn_dim_head": 4}}}}]}""", d),
        [nameof(AttentionPool)] = static d => new AttentionPool(new() { Dim = 8, Depth = 2, Heads = 2, DimHead = 4 }, d),
        ["A wrapper's heads"] = static d => Around(d, static stack => new TransformerWrapper(
            s_wrapper with { UseClsToken = false, AttnPool = true, MixtureOfSoftmax = true, Recycling = true, FfDeepEmbed = true }, stack)),
        [nameof(MultiInputTransformerWrapper)] = static d => Around(d, static stack => new MultiInputTransformerWrapper(
            new() { NumTokens = new Dictionary<string, int> { ["a"] = 3, ["b"] = 2 }, MaxSeqLen = 4, EmbDim = 6, NumMemoryTokens = 1, PostEmbNorm = true },
            stack)),
        [nameof(ContinuousAutoregressiveWrapper)] = static d => ModuleFactory.Create(
            """
            {"class": "ContinuousAutoregressiveWrapper", "kwargs": {}, "ctor_args": [{"class": "ContinuousTransformerWrapper", "kwargs": {"dim_in": 3,
             "dim_out": 3, "max_seq_len": 4, "attn_layers": {"class": "Decoder", "kwargs": {"dim": 8, "depth": 1, "heads": 2, "attn_dim_head": 4}}}}]}
            """, d),
        [nameof(NonAutoregressiveWrapper)] = static d => ModuleFactory.Create(
            """
            {"class": "NonAutoregressiveWrapper", "kwargs": {"mask_id": 4, "self_cond": true, "self_token_critic": true}, "ctor_args": [
             {"class": "TransformerWrapper", "kwargs": {"num_tokens": 5, "max_seq_len": 4,
              "attn_layers": {"class": "Encoder", "kwargs": {"dim": 8, "depth": 1, "heads": 2, "attn_dim_head": 4}}}}]}
            """, d),
        [nameof(DPO)] = static d => ModuleFactory.Create(
            """
            {"class": "DPO", "kwargs": {}, "ctor_args": [{"class": "TransformerWrapper", "kwargs": {"num_tokens": 5, "max_seq_len": 4,
             "attn_layers": {"class": "Decoder", "kwargs": {"dim": 8, "depth": 1, "heads": 2, "attn_dim_head": 4}}}}]}
            """, d),
        ["Three of a kind"] = static d => new Three(d),
    };

    public static IEnumerable<object[]> Makers => s_makers.Keys.Select(static name => new object[] { name });

    [TestMethod]
    [DynamicData(nameof(Makers))]
    public void A_refused_allocation_leaves_nothing(string name)
        => FailEachTime(name, static (backend, n) => backend.Allocations = n, static backend => backend.Allocations);

    [TestMethod]
    [DynamicData(nameof(Makers))]
    public void A_refused_write_leaves_nothing(string name) => FailEachTime(name, static (backend, n) => backend.Writes = n, static backend => backend.Writes);

    [TestMethod]
    public void Every_public_module_has_a_row()
    {
        // Made by a stack only, or without parameters.
        string[] without = [nameof(Attend), nameof(ScaledDotProductAttention), nameof(SimpleRmsNorm), nameof(AdaptiveNorm), nameof(DynamicTanh), nameof(Derf)];
        string[] all = [.. typeof(Module).Assembly.GetExportedTypes().Where(static t => t.IsSubclassOf(typeof(Module)) && !t.IsAbstract).Select(static t
            => t.Name).Except(without)];
        Assert.IsEmpty(all.Except(s_makers.Keys));
    }

    [TestMethod]
    [DeviceRows]
    public void Options_that_fail_late_leave_nothing(string id)
    {
        ComputeDevice device = TestDevices.GetSettled(id);
        long before = device.Statistics.BytesInUse;
        foreach (Func<Module> make in new Func<Module>[]
        {
            () => new Encoder(s_plain with { CustomLayers = ["f", "f", "a"], Attn = s_plain.Attn with { QkNormGroups = 3, QkNorm = true } }, device),
            () => new CrossAttender(s_plain with { Attn = s_plain.Attn with { KvHeads = 3 } }, device),
            () => ModuleFactory.Create(
                """{"class": "TransformerWrapper", "kwargs": {"num_tokens": 5, "max_seq_len": 4, "embed_num_tokens": {"a.b": 3}, "attn_layers": {"class": "Encoder", "kwargs": {"dim": 8, "depth": 1, "heads": 2}}}}""",
                device),
            () => ModuleFactory.Create(
                """{"class": "XTransformer", "kwargs": {"dim": 8, "enc_num_tokens": 5, "enc_max_seq_len": 4, "enc_depth": 1, "enc_heads": 2, "dec_num_tokens": 5, "dec_max_seq_len": 4, "dec_depth": 1, "dec_heads": 2, "dec_attn_kv_heads": 3}}""",
                device),
        })
        {
            Assert.Throws<ArgumentException>(() => make());
            Assert.AreEqual(before, device.Statistics.BytesInUse);
        }
    }

    [TestMethod]
    [DeviceRows]
    public void What_a_failed_wrapper_was_given_is_still_the_caller_s(string id)
    {
        ComputeDevice device = TestDevices.Get(id);
        using var stack = new Encoder(s_plain, device);
        Assert.Throws<ArgumentException>(() => new TransformerWrapper(s_wrapper with { EmbedNumTokens = new Dictionary<string, int> { ["a.b"] = 3 } }, stack));
        Assert.HasCount(8, stack.NamedParameters().First(static p => p.Value.Shape.Rank == 1).Value.ToArray());
    }

    [TestMethod]
    public void Constructions_nest_and_a_completed_one_inside_a_failed_one_is_undone()
    {
        using ComputeDevice device = FailingBackend.Open(new FailingBackend());
        using Tensor earlier = Tensor.Persistent(device, [4]);
        long before = device.Statistics.BytesInUse;
        using (StepScope outer = device.BeginConstruction())
        {
            using (StepScope inner = device.BeginConstruction())
            {
                Tensor.Persistent(device, [4]);
                inner.Complete();
            }

            Tensor.Persistent(device, [4]);
        }

        Assert.AreEqual(before, device.Statistics.BytesInUse);
        Assert.IsFalse(earlier.IsDisposed);
        using (StepScope whole = device.BeginConstruction())
        {
            Tensor.Persistent(device, [4]);
            whole.Complete();
        }

        Assert.IsGreaterThan(before, device.Statistics.BytesInUse);
    }

    [TestMethod]
    [DataRow("""{"class":"Decoder","kwargs":{"dim":4,"depth":1073741824,"heads":1}}""", "Depth = 1073741824", "at most 10000")]
    [DataRow("""{"class":"Encoder","kwargs":{"dim":4,"depth":2147483647,"heads":1,"weight_tie_layers":true}}""", "Depth = 2147483647", "at most 10000")]
    [DataRow("""{"class":"Encoder","kwargs":{"dim":4096,"depth":5000,"heads":8}}""", "10000 layers of width 4096", "1,073,741,824")]
    [DataRow("""{"class":"Attention","kwargs":{"dim":2147483646,"heads":3,"dim_head":1}}""", "[3, 2147483646]", "at most")]
    [DataRow("""{"class":"Encoder","kwargs":{"dim":4,"depth":1,"heads":2147483647,"alibi_pos_bias":true}}""", "Heads * DimHead", "at most 2147483647")]
    [DataRow("""{"class":"Attention","kwargs":{"dim":4,"heads":2,"dim_head":4,"num_mem_kv":2147483647}}""", "KvHeads * NumMemKv", "at most 2147483647")]
    [DataRow("""{"class":"FeedForward","kwargs":{"dim":2147483647,"mult":1e30}}""", "Mult", "inner width")]
    [DataRow("""{"class":"LayerNorm","kwargs":{"dim":2147483647}}""", "[2147483647]", "at most")]
    [DataRow("""{"class":"TransformerWrapper","kwargs":{"num_tokens":2000000000,"max_seq_len":4,"attn_layers":{"class":"Encoder","kwargs":{"dim":4,"depth":1,"heads":1,"attn_dim_head":4}}}}""", "[2000000000, 4]", "at most")]
    [DataRow("""{"class":"ViTransformerWrapper","kwargs":{"image_size":131072,"patch_size":65536,"attn_layers":{"class":"Encoder","kwargs":{"dim":4,"depth":1,"heads":1,"attn_dim_head":4}}}}""", "patch size", "at most")]
    [DataRow("""{"class":"ViTransformerWrapper","kwargs":{"image_size":2147483647,"patch_size":1,"attn_layers":{"class":"Encoder","kwargs":{"dim":4,"depth":1,"heads":1,"attn_dim_head":4}}}}""", "number of patches", "at most")]
    public void A_model_that_is_too_large_is_refused_before_it_is_built(string config, string what, string limit)
    {
        var backend = new FailingBackend();
        using ComputeDevice device = FailingBackend.Open(backend);
        long managed = GC.GetAllocatedBytesForCurrentThread();
        Exception exception = Assert.Throws<Exception>(() => ModuleFactory.Create(config, device));
        Assert.IsTrue(exception is ArgumentException or InsufficientMemoryException, exception.ToString());
        Assert.Contains(what, exception.Message);
        Assert.Contains(limit, exception.Message);
        Assert.AreEqual(0, device.Statistics.BytesInUse);
        Assert.IsLessThan(8_000_000, GC.GetAllocatedBytesForCurrentThread() - managed);
    }

    private static Module Around(ComputeDevice device, Func<AttentionLayers, Module> wrap)
    {
        var stack = new Encoder(s_plain, device);
        try
        {
            return wrap(stack);
        }
        catch
        {
            stack.Dispose();
            throw;
        }
    }

    // First counts the calls, then lets each of them fail.
    private static void FailEachTime(string name, Action<FailingBackend, int> fail, Func<FailingBackend, int> left)
    {
        Func<ComputeDevice, IDisposable> make = s_makers[name];
        var backend = new FailingBackend();
        int calls;
        using (ComputeDevice device = FailingBackend.Open(backend))
        {
            make(device).Dispose();
            Assert.AreEqual(0, device.Statistics.BytesInUse, "A whole module did not give all back.");
            calls = int.MaxValue - left(backend);
        }

        Assert.IsGreaterThan(0, calls);
        for (int n = 0; n < calls; n++)
        {
            backend = new FailingBackend();
            using ComputeDevice device = FailingBackend.Open(backend);
            fail(backend, n);
            Assert.Throws<Exception>(() => make(device), $"call {n} of {calls}");
            Assert.AreEqual(0, device.Statistics.BytesInUse, $"call {n} of {calls}");
        }
    }

    /// <summary>A module of a user's own with everything that a run has beside it.</summary>
    private sealed class Three : Module
    {
        private readonly Optimizer _optimizer;
        private readonly ExponentialMovingAverage _average;

        public Three(ComputeDevice device)
            : base(new ParameterInitializer(device))
        {
            using StepScope construction = Device.BeginConstruction();
            AddChild("a", new Linear(2, 3, device));
            AddParameter("b", Tensor.Persistent(device, [3]));
            AddChild("c", new Encoder(s_plain, device));
            IReadOnlyList<TrainedParameter> parameters = TrainedParameter.Of(this);
            _optimizer = new AdamW(parameters);
            _average = new ExponentialMovingAverage(parameters);
            construction.Complete();
        }

        protected override void Dispose(bool disposing)
        {
            _optimizer.Dispose();
            _average.Dispose();
            base.Dispose(disposing);
        }
    }
}
