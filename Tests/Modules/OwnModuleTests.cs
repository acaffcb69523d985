using System.Reflection;
using GpuTransformer.Host;
using GpuTransformer.Modules;
using Module = GpuTransformer.Modules.Module;

namespace GpuTransformer.Tests.Modules;

/// <summary>A model that a user writes: it derives from <see cref="Module"/> and uses nothing that another assembly could not.</summary>
[TestClass]
public sealed class OwnModuleTests
{
    private const int Features = 5;
    private const int Classes = 3;

    [TestMethod]
    [DeviceRows]
    public void Trains_saves_and_loads(string id)
    {
        ComputeDevice device = TestDevices.Get(id);
        string path = Path.Combine(Path.GetTempPath(), $"own-{Guid.NewGuid():N}.safetensors");
        try
        {
            using var model = new Tagger(new ParameterInitializer(device, seed: 3));
            using Tensor x = Batch(device), classes = Tensor.From(device, [2, 4], Enumerable.Range(0, 8).Select(static i => i % Classes).ToArray());
            double first = 0, last = 0;
            using (var trainer = new Trainer(model, new AdamW(TrainedParameter.Of(model)), new LearningRateSchedule { Peak = 0.01, Decay = Decay.Constant }))
            {
                for (int i = 0; i < 12; i++)
                {
                    last = trainer.Step(() => Operators.SoftmaxCrossEntropy(model.Forward(x), classes)).Loss;
                    first = i == 0 ? last : first;
                }
            }

            Assert.IsLessThan(0.5 * first, last, "Twelve steps on one batch taught it nothing.");
            model.Save(path);
            using var again = new Tagger(new ParameterInitializer(device, seed: 4));
            again.Load(path);
            using Tensor expected = model.Forward(x), actual = again.Forward(x);
            CollectionAssert.AreEqual(expected.ToArray(), actual.ToArray());
        }
        finally
        {
            File.Delete(path);
        }
    }

    [TestMethod]
    public void Its_keys_are_the_names_it_gave()
    {
        using var model = new Tagger(new ParameterInitializer(TestDevices.Get("cpu")));
        string[] names = [.. model.NamedParameters().Select(static p => p.Name)];
        CollectionAssert.IsSubsetOf(new[] { "offset", "in.weight", "encoder.layers.0.1.to_q.weight", "encoder.final_norm.gamma", "out.bias" }, names);
        Assert.DoesNotContain("table", names, "A constant is in no checkpoint.");
    }

    [TestMethod]
    public void One_generator_runs_through_all_that_is_inside()
    {
        var initializer = new ParameterInitializer(TestDevices.Get("cpu"), seed: 3);
        using Linear first = new(4, 4, bias: false, initializer), second = new(4, 4, bias: false, initializer);
        CollectionAssert.AreNotEqual(first.Weight.ToArray(), second.Weight.ToArray());
    }

    [TestMethod]
    public void An_evaluation_leaves_nothing_but_its_result()
    {
        using ComputeDevice device = TestDevices.OpenNew("cpu");
        using var model = new Tagger(new ParameterInitializer(device));
        using Tensor x = Batch(device);
        model.Forward(x).Dispose();
        long before = device.Statistics.BytesInUse;
        model.Forward(x).Dispose();
        Assert.AreEqual(before, device.Statistics.BytesInUse);
    }

    [TestMethod]
    public void A_name_that_is_taken_or_divided_is_refused()
    {
        var initializer = new ParameterInitializer(TestDevices.Get("cpu"));
        Assert.ThrowsExactly<ArgumentException>(() => new Named(initializer, "a", "a"));
        Assert.ThrowsExactly<ArgumentException>(() => new Named(initializer, "a", "a.b"));
        Assert.ThrowsExactly<ArgumentException>(() => new Named(initializer, "a", string.Empty));
    }

    [TestMethod]
    public void Called_by_argument_names_it_says_that_it_cannot()
    {
        using var model = new Tagger(new ParameterInitializer(TestDevices.Get("cpu")));
        NotSupportedException exception = Assert.ThrowsExactly<NotSupportedException>(() => model.Invoke(new CallArguments(new Dictionary<string, Tensor>())));
        StringAssert.Contains(exception.Message, nameof(Tagger));
    }

    /// <summary>The tests see internals, so compiling proves nothing: what a derived class needs must be visible from outside.</summary>
    [TestMethod]
    public void What_it_needs_is_visible_from_another_assembly()
    {
        const BindingFlags Instance = BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic;
        Assert.IsTrue(Array.TrueForAll(typeof(Module).GetConstructors(Instance), static c => c.IsFamily));
        foreach (string name in new[] { "AddParameter", "AddChild", "AddConstant" })
            Assert.IsTrue(typeof(Module).GetMethod(name, Instance)!.IsFamily, name);
        foreach (Type type in new[] { typeof(Linear), typeof(Encoder), typeof(Decoder), typeof(CrossAttender), typeof(Attention), typeof(FeedForward),
            typeof(LayerNorm), typeof(RmsNorm) })
            Assert.IsTrue(
                Array.Exists(type.GetConstructors(), static c => c.GetParameters().Any(static p => p.ParameterType == typeof(ParameterInitializer))),
                type.Name);
    }

    private static Tensor Batch(ComputeDevice device)
    {
        var random = new Random(5);
        return Tensor.From(device, [2, 4, Features], Enumerable.Range(0, 2 * 4 * Features).Select(_ => random.NextSingle() * 2 - 1).ToArray());
    }

    private sealed class Tagger : Module
    {
        private readonly Tensor _offset;
        private readonly Tensor _table;
        private readonly Linear _in;
        private readonly Encoder _encoder;
        private readonly Linear _out;

        public Tagger(ParameterInitializer initializer)
            : base(initializer)
        {
            ArgumentNullException.ThrowIfNull(initializer);
            _offset = AddParameter("offset", initializer.Normal([8], 0.02f));
            _in = AddChild("in", new Linear(Features, 8, bias: true, initializer));
            _encoder = AddChild(
                "encoder", new Encoder(new AttentionLayersOptions { Dim = 8, Depth = 1, Heads = 2, Attn = new() { DimHead = 4 } }, initializer));
            _out = AddChild("out", new Linear(8, Classes, bias: true, initializer));
            _table = AddConstant(initializer.Constant([8], 1f));
        }

        public Tensor Forward(Tensor x)
        {
            using InferenceScope scope = InferenceScope.Begin(Device);
            return scope.Keep(_out.Forward(_encoder.Forward(Operators.ScaleAndShift(_in.Forward(x), _table, _offset))));
        }
    }

    private sealed class Named : Module
    {
        public Named(ParameterInitializer initializer, string first, string second)
            : base(initializer)
        {
            using Tensor value = initializer.Constant([1], 0f);
            AddParameter(first, value);
            AddParameter(second, value);
        }
    }
}
