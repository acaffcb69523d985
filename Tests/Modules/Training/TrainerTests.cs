using GpuTransformer.Host;
using GpuTransformer.Modules;

namespace GpuTransformer.Tests.Modules.Training;

[TestClass]
public sealed class TrainerTests
{
    private const int Rows = 32;
    private const int In = 6;
    private const int Out = 3;

    [TestMethod]
    [DeviceRows(nameof(AdamW)), DeviceRows(nameof(Sgd)), DeviceRows(nameof(Lion))]
    public void A_linear_map_is_learned(string id, string kind)
    {
        using var problem = new Problem(id, kind);
        double first = problem.Trainer.Step(problem.Loss).Loss, last = first;
        for (int i = 0; i < 300; i++)
            last = problem.Trainer.Step(problem.Loss).Loss;
        Assert.IsLessThan(first / 50, last, $"The loss went from {first} to {last} only.");
    }

    [TestMethod]
    [DeviceRows]
    public void A_resumed_run_continues_bit_for_bit(string id)
    {
        string path = Path.Combine(Path.GetTempPath(), $"resume-{Guid.NewGuid():N}.safetensors");
        try
        {
            using var whole = new Problem(id, nameof(AdamW), average: true);
            using var second = new Problem(id, nameof(AdamW), average: true, seed: 99);
            for (int i = 0; i < 5; i++)
                whole.Trainer.Step(whole.Loss);
            whole.Trainer.Save(path);
            second.Trainer.Resume(path);
            Assert.AreEqual(5, second.Trainer.StepNumber);
            for (int i = 0; i < 5; i++)
                Assert.AreEqual(whole.Trainer.Step(whole.Loss).Loss, second.Trainer.Step(second.Loss).Loss);
            CollectionAssert.AreEqual(whole.Model.Weight.ToArray(), second.Model.Weight.ToArray());
            CollectionAssert.AreEqual(
                whole.Trainer.Average!.NamedAverages().First().Value.ToArray(), second.Trainer.Average!.NamedAverages().First().Value.ToArray());
        }
        finally
        {
            File.Delete(path);
        }
    }

    [TestMethod]
    public void A_checkpoint_of_another_run_changes_nothing()
    {
        string path = Path.Combine(Path.GetTempPath(), $"other-{Guid.NewGuid():N}.safetensors");
        try
        {
            using var adam = new Problem("cpu", nameof(AdamW));
            using var lion = new Problem("cpu", nameof(Lion), seed: 5);
            adam.Trainer.Step(adam.Loss);
            adam.Trainer.Save(path);
            float[] before = lion.Model.Weight.ToArray();
            StringAssert.Contains(Assert.ThrowsExactly<CheckpointException>(() => lion.Trainer.Resume(path)).Message, "Lion");
            adam.Model.Save(path);
            StringAssert.Contains(Assert.ThrowsExactly<CheckpointException>(() => lion.Trainer.Resume(path)).Message, "no training checkpoint");
            CollectionAssert.AreEqual(before, lion.Model.Weight.ToArray());
            Assert.AreEqual(0, lion.Trainer.StepNumber);
        }
        finally
        {
            File.Delete(path);
        }
    }

    [TestMethod]
    [DeviceRows]
    public void A_loss_that_is_not_finite_is_skipped_and_said(string id)
    {
        using var problem = new Problem(id, nameof(AdamW));
        problem.Trainer.Step(problem.Loss);
        float[] before = problem.Model.Weight.ToArray();
        ComputeDevice device = problem.Model.Device;
        StepResult bad = problem.Trainer.Step(
            () => Operators.MeanSquaredError(problem.Model.Forward(Tensor.From(device, [1, In], [float.NaN, 0, 0, 0, 0, 0])), Tensor.Zeros(device, [1, Out])));
        Assert.IsTrue(bad.Skipped);
        Assert.AreEqual(1, problem.Trainer.SkippedSteps);
        CollectionAssert.AreEqual(before, problem.Model.Weight.ToArray());
        Assert.IsFalse(problem.Trainer.Step(problem.Loss).Skipped);
    }

    [TestMethod]
    [DeviceRows]
    public void Clipping_bounds_the_step_and_accumulation_averages(string id)
    {
        using Problem plain = new(id, nameof(Sgd)), clipped = new(id, nameof(Sgd), clip: 0.01), twice = new(id, nameof(Sgd), accumulate: 2);
        float[] start = plain.Model.Weight.ToArray();
        double norm = plain.Trainer.Step(plain.Loss).GradientNorm;
        clipped.Trainer.Step(clipped.Loss);
        twice.Trainer.Step(twice.Loss);
        Assert.IsGreaterThan(0.01, norm);

        // Without momentum yet, a step of gradient descent moves by rate · gradient.
        Assert.AreEqual(0.01 / norm, Distance(start, clipped.Model.Weight.ToArray()) / Distance(start, plain.Model.Weight.ToArray()), 1e-3);
        float[] once = plain.Model.Weight.ToArray(), averaged = twice.Model.Weight.ToArray();
        for (int i = 0; i < once.Length; i++)
            Assert.AreEqual(once[i], averaged[i], 1e-5f);
    }

    [TestMethod]
    [DeviceRows]
    public void Steps_allocate_nothing_from_the_second_on(string id)
    {
        using var problem = new Problem(id, nameof(AdamW));
        problem.Trainer.Step(problem.Loss);
        problem.Trainer.Step(problem.Loss);
        DeviceStatistics statistics = problem.Model.Device.Statistics;
        (long allocations, long compiled, long inUse) = (statistics.Allocations, statistics.CompiledKernels, statistics.BytesInUse);
        for (int i = 0; i < 50; i++)
            problem.Trainer.Step(problem.Loss);
        Assert.AreEqual(allocations, statistics.Allocations);
        Assert.AreEqual(compiled, statistics.CompiledKernels);
        Assert.AreEqual(inUse, statistics.BytesInUse);
    }

    [TestMethod]
    [DeviceRows]
    public void A_step_reads_the_norm_and_the_losses_only(string id)
    {
        using var problem = new Problem(id, nameof(AdamW), average: true, accumulate: 2);
        problem.Trainer.Step(problem.Loss);
        long reads = problem.Model.Device.Statistics.Reads;
        problem.Trainer.Step(problem.Loss);
        Assert.AreEqual(reads + 3, problem.Model.Device.Statistics.Reads);
    }

    [TestMethod]
    public void The_loss_scale_halves_on_overflow_and_doubles_after_enough_good_steps()
    {
        var scaler = new LossScaler(1024f, growthInterval: 2);
        scaler.Update(finite: false);
        Assert.AreEqual(512f, scaler.Scale);
        scaler.Update(finite: true);
        Assert.AreEqual(512f, scaler.Scale);
        scaler.Update(finite: true);
        Assert.AreEqual(1024f, scaler.Scale);
        Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => new LossScaler(1000f));
        var off = new LossScaler(1f, growthInterval: 1);
        off.Update(finite: true);
        Assert.AreEqual(1f, off.Scale);
    }

    private static double Distance(float[] a, float[] b) => Math.Sqrt(a.Zip(b, static (x, y) => (double)(x - y) * (x - y)).Sum());

    /// <summary>y = A x for a fixed A: a convex problem with a known answer, loss zero.</summary>
    private sealed class Problem : IDisposable
    {
        private readonly Tensor _x;
        private readonly Tensor _y;

        public Problem(string id, string kind, bool average = false, double? clip = null, int accumulate = 1, int seed = 1)
        {
            ComputeDevice device = TestDevices.Get(id);
            var random = new Random(11);
            float[] x = [.. Enumerable.Range(0, Rows * In).Select(_ => random.NextSingle() * 2 - 1)],
                a = [.. Enumerable.Range(0, In * Out).Select(_ => random.NextSingle() * 2 - 1)];
            var y = new float[Rows * Out];
            for (int i = 0; i < y.Length; i++)
                y[i] = Enumerable.Range(0, In).Sum(k => x[i / Out * In + k] * a[k * Out + i % Out]);
            _x = Tensor.Persistent(device, [Rows, In]);
            _x.Write(x);
            _y = Tensor.Persistent(device, [Rows, Out]);
            _y.Write(y);
            Model = new Linear(In, Out, device, seed: seed);
            IReadOnlyList<TrainedParameter> parameters = TrainedParameter.Of(Model);
            Optimizer optimizer = kind switch
            {
                nameof(AdamW) => new AdamW(parameters) { WeightDecay = 0 }, nameof(Sgd) => new Sgd(parameters), _ => new Lion(parameters),
            };
            double rate = kind switch { nameof(AdamW) => 0.03, nameof(Sgd) => 0.1, _ => 0.01 };
            Trainer = new Trainer(Model, optimizer, new LearningRateSchedule { Peak = rate, TotalSteps = 320 })
            {
                ClipNorm = clip,
                AccumulationSteps = accumulate,
                Average = average ? new ExponentialMovingAverage(parameters, 0.9) : null,
            };
        }

        public Linear Model { get; }

        public Trainer Trainer { get; }

        public Tensor Loss() => Operators.MeanSquaredError(Model.Forward(_x), _y);

        public void Dispose()
        {
            Trainer.Dispose();
            Model.Dispose();
            _x.Dispose();
            _y.Dispose();
        }
    }
}
