using GpuTransformer.Host;
using GpuTransformer.Modules;

namespace GpuTransformer.Tests.Modules.Checkpoints;

/// <summary>What a training checkpoint claims is believed only where a run could have written it.</summary>
[TestClass]
public sealed class TrainingCheckpointTests
{
    private readonly string _folder = Directory.CreateTempSubdirectory("resume").FullName;

    private string Saved => Path.Combine(_folder, "run.safetensors");

    [TestCleanup]
    public void Remove() => Directory.Delete(_folder, recursive: true);

    [TestMethod]
    [DataRow("loss_scale", "abc", "power of two")]
    [DataRow("loss_scale", "NaN", "power of two")]
    [DataRow("loss_scale", "0", "power of two")]
    [DataRow("loss_scale", "-2", "power of two")]
    [DataRow("loss_scale", "0.5", "power of two")]
    [DataRow("loss_scale", "3", "power of two")]
    [DataRow("loss_scale", "Infinity", "power of two")]
    [DataRow("loss_scale", "1e400", "power of two")]
    [DataRow("loss_scale_good_steps", "2147483648", "from 0 to 2147483647")]
    [DataRow("loss_scale_good_steps", "-1", "from 0 to 2147483647")]
    [DataRow("step", "4294967296", "from 0 to 4294967295")]
    [DataRow("step", "21", "20 steps")]
    [DataRow("step", "-1", "from 0 to")]
    [DataRow("step", "1.5", "from 0 to")]
    [DataRow("step", " 3", "from 0 to")]
    [DataRow("step", "", "from 0 to")]
    [DataRow("optimizer_step", "2", "at least 3")]
    [DataRow("optimizer_step", "9223372036854775807", "from 0 to")]
    [DataRow("skipped_steps", "4", "from 0 to 3")]
    [DataRow("seed", "2147483648", "integer from")]
    [DataRow("optimizer", "Sgd", "the optimizer Sgd")]
    public void A_counter_that_no_run_can_have_is_refused(string key, string value, string right)
    {
        // A later step was taken by the optimizer too.
        using SmallRun run = Resumed(out Func<(float[][], string)> state, (key, value), ("optimizer_step", key == "optimizer_step" ? value : "21"));
        string before = state().Item2;
        CheckpointException exception = Assert.ThrowsExactly<CheckpointException>(() => run.Trainer.Resume(Saved));
        Assert.Contains(right, exception.Message);
        Assert.Contains(value, exception.Message);
        Assert.Contains(Saved, exception.Message);
        Assert.AreEqual(before, state().Item2);
    }

    [TestMethod]
    [DataRow("model.weight", float.NaN, "finite")]
    [DataRow("model.bias", float.PositiveInfinity, "finite")]
    [DataRow("optimizer.first.weight", float.NaN, "finite")]
    [DataRow("optimizer.second.bias", float.NegativeInfinity, "finite")]
    [DataRow("optimizer.second.weight", -1e-3f, "not negative")]
    [DataRow("average.weight", float.NaN, "finite")]
    public void Numbers_that_spread_are_refused(string name, float value, string right)
    {
        using SmallRun run = Resumed(out Func<(float[][] Numbers, string Counters)> state);
        byte[] bytes = File.ReadAllBytes(Saved);
        using (SafetensorsReader reader = SafetensorsReader.Open(Saved))
            BitConverter.GetBytes(value).CopyTo(bytes, (int)reader[name].FileOffset + 4);
        File.WriteAllBytes(Saved, bytes);
        (float[][] numbers, string counters) = state();
        CheckpointException exception = Assert.ThrowsExactly<CheckpointException>(() => run.Trainer.Resume(Saved));
        Assert.Contains($"element 1 of '{name}'", exception.Message);
        Assert.Contains(right, exception.Message);
        Assert.AreEqual(counters, state().Counters);
        foreach ((float[] expected, float[] actual) in numbers.Zip(state().Numbers))
            CollectionAssert.AreEqual(expected, actual);
    }

    [TestMethod]
    public void A_run_that_is_not_finite_is_not_saved_over_one_that_is()
    {
        ComputeDevice device = TestDevices.Get("cpu");
        using var run = new SmallRun(device, seed: 1);
        run.Steps(1);
        run.Trainer.Save(Saved);
        byte[] before = File.ReadAllBytes(Saved);
        run.Trainer.Model.NamedParameters().First().Value.Write([.. Enumerable.Repeat(float.NaN, 12)]);
        Assert.Contains("'model.weight'", Assert.ThrowsExactly<CheckpointException>(() => run.Trainer.Save(Saved)).Message);
        CollectionAssert.AreEqual(before, File.ReadAllBytes(Saved));
        Assert.HasCount(1, Directory.GetFiles(_folder));
    }

    [TestMethod]
    public void A_schedule_with_a_final_rate_goes_on_after_its_end()
    {
        ComputeDevice device = TestDevices.Get("cpu");
        using SmallRun run = new(device, seed: 1, finalRate: 1e-3), other = new(device, seed: 2, finalRate: 1e-3);
        run.Steps(SmallRun.TotalSteps + 2);
        run.Trainer.Save(Saved);
        other.Trainer.Resume(Saved);
        Assert.AreEqual(SmallRun.TotalSteps + 2, other.Trainer.StepNumber);
    }

    [TestMethod]
    public void A_run_without_loss_scaling_stays_without()
    {
        ComputeDevice device = TestDevices.Get("cpu");
        using SmallRun run = new(device, seed: 1), other = new(device, seed: 2, scalesLoss: false);
        run.Steps(2);
        run.Trainer.Save(Saved);
        other.Trainer.Resume(Saved);
        Assert.AreEqual(1f, other.Trainer.LossScaler.Scale);
        Assert.AreEqual(0, other.Trainer.LossScaler.GoodSteps);
    }

    [TestMethod]
    public void Good_steps_beyond_the_interval_grow_the_scale()
    {
        using SmallRun run = Resumed(out _, ("loss_scale_good_steps", "2147483647"));
        run.Trainer.Resume(Saved);
        run.Steps(1);
        Assert.AreEqual(2048f, run.Trainer.LossScaler.Scale);
        Assert.AreEqual(0, run.Trainer.LossScaler.GoodSteps);
    }

    // A run that is about to resume what another saved at step 3, changed as told.
    private SmallRun Resumed(out Func<(float[][] Numbers, string Counters)> state, params (string Key, string Value)[] changes)
    {
        ComputeDevice device = TestDevices.Get("cpu");
        using (var saved = new SmallRun(device, seed: 1))
        {
            saved.Steps(3);
            saved.Trainer.Save(Saved);
        }

        using (StepScope step = device.BeginStep())
        {
            using SafetensorsReader reader = SafetensorsReader.Open(Saved);
            var metadata = new Dictionary<string, string>(reader.Metadata);
            foreach ((string key, string value) in changes)
            {
                Assert.IsTrue(metadata.ContainsKey(key));
                metadata[key] = value;
            }

            SafetensorsWriter.Write(Saved, [.. reader.Entries.Select(e => (e.Name, reader.ReadTensor(e.Name, device)))], metadata);
        }

        var run = new SmallRun(device, seed: 2);
        run.Steps(1);
        state = run.State;
        return run;
    }
}
