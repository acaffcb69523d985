using System.Text.Json;
using GpuTransformer.Host;
using GpuTransformer.Modules;

namespace GpuTransformer.Tests.Modules.Training;

/// <summary>Optimizers, schedules, norms, positions and hooks of a user's own.</summary>
[TestClass]
public sealed class ExtensionTests
{
    [TestMethod]
    [DeviceRows]
    public void A_run_with_all_of_them_resumes_bit_for_bit(string id)
    {
        ComputeDevice device = TestDevices.Get(id);
        string path = Path.GetTempFileName();
        try
        {
            float[] whole, resumed;
            using (TransformerWrapper model = Model(device))
            using (Trainer trainer = Own(model))
            {
                double first = Train(trainer, 3);
                trainer.Save(path);
                Assert.IsLessThan(first, Train(trainer, 3));
                whole = Numbers(model);
            }

            using (TransformerWrapper model = Model(device))
            using (Trainer trainer = Own(model))
            {
                trainer.Resume(path);
                Assert.AreEqual(3, trainer.StepNumber);
                Train(trainer, 3);
                resumed = Numbers(model);
            }

            CollectionAssert.AreEqual(whole, resumed);
        }
        finally
        {
            File.Delete(path);
        }
    }

    [TestMethod]
    public void Layers_with_a_norm_of_ones_own_are_recomputed_bit_for_bit()
    {
        ComputeDevice device = TestDevices.Get("cpu");
        float[][] results = new float[2][];
        for (int i = 0; i < 2; i++)
        {
            using TransformerWrapper model = Model(device);
            model.AttnLayers.CheckpointLayers = i == 1;
            using Trainer trainer = Own(model);
            Train(trainer, 2);
            results[i] = Numbers(model);
        }

        CollectionAssert.AreEqual(results[0], results[1]);
    }

    [TestMethod]
    public void Hooks_see_the_step_and_metrics_come_back()
    {
        ComputeDevice device = TestDevices.Get("cpu");
        using TransformerWrapper model = Model(device);
        using Trainer trainer = Own(model, accumulate: 2);
        var seen = new List<string>();
        StepResult told = default;
        trainer.BeforeStep += (_, e) => seen.Add($"before {e.Step} {e.Rate}");
        trainer.AfterStep += (_, e) => (told, _) = (e.Result, 0);
        StepResult result = trainer.Step(batch =>
        {
            using Tensor two = Tensor.From(device, [1], [batch + 1f]);
            trainer.Measure("device", two);
            trainer.Measure("host", 3 * batch);
            return Loss(model);
        });
        Assert.AreEqual(result, told);
        CollectionAssert.AreEqual(new[] { "before 0 0.05" }, seen);
        Assert.AreEqual((1.5, 1.5), (result.Metrics["device"], result.Metrics["host"]));
        Assert.IsEmpty(trainer.Step(() => Loss(model)).Metrics);
        Assert.ThrowsExactly<InvalidOperationException>(() => trainer.Measure("late", 1));
        Assert.Contains("one real number", Assert.ThrowsExactly<ArgumentException>(() => trainer.Step(() =>
        {
            trainer.Measure("wide", Tensor.Zeros(device, [2]));
            return Loss(model);
        })).Message);
    }

    [TestMethod]
    public void A_hook_that_throws_leaves_the_trainer_usable()
    {
        ComputeDevice device = TestDevices.Get("cpu");
        using TransformerWrapper model = Model(device);
        using Trainer trainer = Own(model);
        var own = new NotImplementedException();
        EventHandler<StepStartingEventArgs> before = (_, _) => throw own;
        EventHandler<StepTakenEventArgs> after = (_, _) => throw own;
        float[] numbers = Numbers(model);
        trainer.BeforeStep += before;
        Assert.AreSame(own, Assert.ThrowsExactly<NotImplementedException>(() => trainer.Step(() => Loss(model))));
        Assert.AreEqual(0, trainer.StepNumber);
        CollectionAssert.AreEqual(numbers, Numbers(model));
        trainer.BeforeStep -= before;
        trainer.AfterStep += after;
        Assert.AreSame(own, Assert.ThrowsExactly<NotImplementedException>(() => trainer.Step(() => Loss(model))));
        Assert.AreEqual(1, trainer.StepNumber);
        trainer.AfterStep -= after;
        Assert.Contains("under way", Assert.ThrowsExactly<InvalidOperationException>(() => trainer.Step(() =>
        {
            trainer.Step(() => Loss(model));
            return Loss(model);
        })).Message);
        Assert.AreEqual(1, trainer.Step(() => Loss(model)).Step);
    }

    [TestMethod]
    public void What_an_own_optimizer_throws_comes_out_and_the_step_is_not_counted()
    {
        ComputeDevice device = TestDevices.Get("cpu");
        using TransformerWrapper model = Model(device);
        using var optimizer = new Heavy(TrainedParameter.Of(model)) { Fails = true };
        using var trainer = new Trainer(model, optimizer, new InverseRoot());
        Assert.ThrowsExactly<NotImplementedException>(() => trainer.Step(() => Loss(model)));
        Assert.AreEqual((0L, 0L, false), (trainer.StepNumber, optimizer.StepCount, device.IsRecording));
        optimizer.Fails = false;
        Assert.AreEqual(0, trainer.Step(() => Loss(model)).Step);
        Assert.Contains("named 'velocity' already", Assert.ThrowsExactly<ArgumentException>(() => optimizer.AddAgain("velocity")).Message);
        Assert.Contains("has a dot", Assert.ThrowsExactly<ArgumentException>(() => optimizer.AddAgain("a.b")).Message);
    }

    [TestMethod]
    [DataRow(double.NaN)]
    [DataRow(-1.0)]
    public void A_rate_that_no_step_can_have_is_refused_before_anything_is_computed(double rate)
    {
        using TransformerWrapper model = Model(TestDevices.Get("cpu"));
        using var trainer = new Trainer(model, new Heavy(TrainedParameter.Of(model)), new Fixed(rate));
        Assert.Contains(
            $"Fixed has the rate {rate} for step 0",
            Assert.ThrowsExactly<InvalidOperationException>(() => trainer.Step(static () => throw new NotImplementedException())).Message);
    }

    [TestMethod]
    public void Options_that_only_code_can_say_are_not_in_JSON_and_are_checked()
    {
        ComputeDevice device = TestDevices.Get("cpu");
        AttentionLayersOptions options = Stack();
        Assert.IsFalse(OptionsJson.Write(options).ContainsKey("custom_norm"));
        using JsonDocument json = JsonDocument.Parse("""{"dim": 8, "depth": 1, "custom_norm": null}""");
        Assert.Contains(
            "no option 'custom_norm'",
            Assert.ThrowsExactly<ArgumentException>(() => OptionsJson.Read<AttentionLayersOptions>(json.RootElement, "Encoder")).Message);
        Assert.ThrowsExactly<ArgumentException>(() => new Encoder(options with { UseRmsnorm = true }, device));
        Assert.Contains(
            "CustomNorm returned null",
            Assert.ThrowsExactly<ArgumentException>(() => new Encoder(options with { CustomNorm = static _ => null! }, device)).Message);
        using var stack = new Decoder(Stack(), device);
        Assert.Contains("vectors 3 wide", Assert.ThrowsExactly<ArgumentException>(
            () => new TransformerWrapper(new TransformerWrapperOptions { NumTokens = 5, MaxSeqLen = 4, CustomPositions = static (_, i) => new Ramp(3, i) },
                stack)).Message);
    }

    private static AttentionLayersOptions Stack()
        => new() { Dim = 8, Depth = 1, Heads = 2, Attn = new() { DimHead = 4 }, CustomNorm = static i => new Halved(8, i) };

    private static TransformerWrapper Model(ComputeDevice device)
        => new(
            new TransformerWrapperOptions { NumTokens = 5, MaxSeqLen = 4, CustomPositions = static (dim, i) => new Ramp(dim, i) },
            new Decoder(Stack(), device, seed: 3),
            seed: 4);

    private static Trainer Own(TransformerWrapper model, int accumulate = 1)
        => new(model, new Heavy(TrainedParameter.Of(model)), new InverseRoot()) { AccumulationSteps = accumulate };

    private static Tensor Loss(TransformerWrapper model)
        => Operators.SoftmaxCrossEntropy(model.Forward(Tensor.From(model.Device, [1, 4], [0, 1, 2, 3])), Tensor.From(model.Device, [1, 4], [1, 2, 3, 4]));

    private static double Train(Trainer trainer, int steps)
    {
        double loss = 0;
        for (int i = 0; i < steps; i++)
            loss = trainer.Step(() => Loss((TransformerWrapper)trainer.Model)).Loss;
        return loss;
    }

    private static float[] Numbers(Module model) => [.. model.NamedParameters().SelectMany(static p => p.Value.ToArray())];

    private sealed class Halved : Norm
    {
        private readonly Tensor _g; // [dim]

        public Halved(int dim, ParameterInitializer initializer)
            : base(initializer) => _g = AddParameter("g", initializer.Constant([dim], 0.5f));

        public override Tensor Forward(Tensor x, Tensor? condition = null) => Operators.RmsNorm(Computed(x), Computed(_g));
    }

    private sealed class Ramp : AbsolutePositions
    {
        private readonly Tensor _table; // [4, dim]

        public Ramp(int dim, ParameterInitializer initializer)
            : base(dim, initializer) => _table = AddParameter("table", initializer.Normal([4, dim], 0.1f));

        public override int? Count => 4;

        protected override Tensor Leading(int length) => FirstRows(_table, length);

        protected override Tensor Lookup(Tensor pos) => Operators.Embedding(_table, pos);
    }

    private sealed class Heavy : Optimizer
    {
        private readonly Tensor[] _velocity;
        private readonly Tensor _steps;

        public Heavy(IReadOnlyList<TrainedParameter> parameters)
            : base(parameters) => (_velocity, _steps) = (AddMoments("velocity"), AddState("steps", [1]));

        public bool Fails { get; set; }

        public void AddAgain(string name) => AddMoments(name);

        protected override void Update(int index, Tensor gradient, double rate, float gradientScale)
        {
            if (Fails)
                throw new NotImplementedException();
            Operators.AddInto(_steps, Tensor.From(gradient.Device, [1], [1f]));
            Operators.CopyInto(_velocity[index], Operators.Add(Operators.Scale(_velocity[index], 0.5f), Operators.Scale(gradient, gradientScale)));
            Operators.AddInto(Parameters[index].Value, Operators.Scale(_velocity[index], (float)-rate));
        }
    }

    private sealed class InverseRoot : ILearningRateSchedule
    {
        public double At(long step) => 0.05 / Math.Sqrt(step + 1);
    }

    private sealed class Fixed(double rate) : ILearningRateSchedule
    {
        public double At(long step) => rate;
    }
}
