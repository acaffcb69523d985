using System.Collections.Concurrent;
using GpuTransformer.Host;

namespace GpuTransformer.Tests.Host.Devices;

/// <summary>Who may use a device when.</summary>
[TestClass]
public sealed class DeviceTurnsTests
{
    [TestMethod]
    public void A_thread_that_comes_in_the_middle_of_an_operation_is_told_both_names_and_the_first_goes_on()
    {
        using var busy = new BusyDevice();
        var error = Assert.ThrowsExactly<DeviceInUseException>(() => OnThread("second", busy.Device.Synchronize));
        Assert.Contains("'first'", error.Message);
        Assert.Contains("'second'", error.Message);
        Assert.ThrowsExactly<DeviceInUseException>(() => OnThread("second", () => busy.Tensor.ToArray()));
        Assert.ThrowsExactly<DeviceInUseException>(() => OnThread("second", () => busy.Tensor.Write([1f])));
        Assert.ThrowsExactly<DeviceInUseException>(() => OnThread("second", () => Tensor.Empty(busy.Device, [1])));
        Assert.ThrowsExactly<DeviceInUseException>(() => OnThread("second", () => busy.Device.BeginStep()));
        CollectionAssert.AreEqual(new[] { 42f }, busy.Finish());
        OnThread("second", busy.Device.Synchronize);
    }

    [TestMethod]
    public void Memory_is_given_back_by_any_thread_but_not_under_an_operation()
    {
        using var busy = new BusyDevice();
        long inUse = busy.Device.Statistics.BytesInUse;
        OnThread("second", busy.Tensor.Dispose);
        Assert.IsTrue(busy.Tensor.IsDisposed);
        Assert.AreEqual(inUse, busy.Device.Statistics.BytesInUse, "The operation still reads it.");
        CollectionAssert.AreEqual(new[] { 42f }, busy.Finish());
        Assert.AreEqual(0, busy.Device.Statistics.BytesInUse);
    }

    [TestMethod]
    public void A_device_that_is_disposed_in_use_finishes_the_operation_and_then_goes()
    {
        using var busy = new BusyDevice();
        OnThread("second", busy.Device.Dispose);
        Assert.IsFalse(busy.Backend.IsDisposed, "The operation still runs.");
        CollectionAssert.AreEqual(new[] { 42f }, busy.Finish());
        Assert.IsTrue(busy.Backend.IsDisposed);
        Assert.AreEqual(0, busy.Device.Statistics.BytesAllocated);
        Assert.ThrowsExactly<ObjectDisposedException>(() => busy.Tensor.ToArray());
    }

    [TestMethod]
    [DeviceRows]
    public void While_a_step_is_open_a_thread_that_does_not_continue_it_is_refused(string id)
    {
        ComputeDevice device = TestDevices.GetSettled(id);
        using var stranger = new Worker("stranger");
        long outside = device.Statistics.TensorsOutsideScopes;
        foreach (Func<ComputeDevice, IDisposable> open in s_opening)
        {
            using (open(device))
            {
                var error = Assert.ThrowsExactly<DeviceInUseException>(() => stranger.Do(() => Tensor.Zeros(device, [1])));
                Assert.Contains("'stranger'", error.Message);
                Assert.Contains($"thread {Environment.CurrentManagedThreadId}", error.Message);
                Assert.ThrowsExactly<DeviceInUseException>(() => stranger.Do(() => device.BeginStep()));
                Assert.ThrowsExactly<DeviceInUseException>(() => stranger.Do(device.Synchronize));
                device.Synchronize();
            }

            stranger.Do(() => Tensor.Zeros(device, [1]).Dispose());
        }

        Assert.AreEqual(outside, device.Statistics.TensorsOutsideScopes);
    }

    [TestMethod]
    [DeviceRows]
    public async Task A_step_goes_from_thread_to_thread_with_await(string id)
    {
        ComputeDevice device = TestDevices.Get(id);
        var threads = new ConcurrentDictionary<int, bool>();
        for (int i = 0; i < 20; i++)
        {
            using StepScope step = device.BeginStep();
            using StepScope tape = device.BeginTape();
            await Task.Run(() => Task.Delay(i % 2)).ConfigureAwait(false);
            Tensor x = Tensor.From(device, [2], [3f, i]);
            x.RequiresGradient = true;
            threads.TryAdd(Environment.CurrentManagedThreadId, true);
            Tensor y = await Square(device, x).ConfigureAwait(false);
            await Task.Delay(1).ConfigureAwait(false);
            threads.TryAdd(Environment.CurrentManagedThreadId, true);
            tape.Backward(y, Tensor.From(device, [2], [1f, 1f]));
            CollectionAssert.AreEqual(new[] { 6f, 2f * i }, x.Gradient!.ToArray());
        }

        Assert.IsTrue(device.Execution.IsEmpty);
        Assert.IsFalse(device.IsRecording);
    }

    [TestMethod]
    [DeviceRows]
    public void A_step_goes_to_a_thread_that_is_joined_or_that_holds_its_scope(string id)
    {
        ComputeDevice device = TestDevices.Get(id);
        using var other = new Worker("other");
        using StepScope step = device.BeginStep();
        Tensor x = OnThread("child", () => Tensor.From(device, [1], [5f]));
        Assert.AreEqual(10f, OnThread("child", () => Operators.Add(x, x).ToArray()[0]));
        other.Do(() =>
        {
            step.Keep(x);
            using Tensor sum = Operators.Add(x, x);
            Assert.AreEqual(10f, sum.ToArray()[0]);
        });
        Assert.AreEqual(15f, Operators.Add(Operators.Add(x, x), x).ToArray()[0]);
        x.Dispose();
        other.Do(step.Dispose);
        Assert.IsTrue(device.Execution.IsEmpty);
        other.Do(device.Synchronize);
        device.Synchronize();
    }

    [TestMethod]
    public void Two_children_of_one_step_may_use_it_in_turn_but_not_each_others_tape()
    {
        ComputeDevice device = TestDevices.Get("cpu");
        using StepScope step = device.BeginStep();
        using Worker first = new("first", continues: true), second = new("second", continues: true);
        first.Do(() => Tensor.Zeros(device, [1]));
        second.Do(() => Tensor.Zeros(device, [1]));
        StepScope? tape = null;
        first.Do(() => tape = device.BeginTape());
        Assert.ThrowsExactly<DeviceInUseException>(() => second.Do(() => Tensor.Zeros(device, [1])));
        Assert.ThrowsExactly<DeviceInUseException>(() => Tensor.Zeros(device, [1]));
        first.Do(tape!.Dispose);
        second.Do(() => Tensor.Zeros(device, [1]));
        Tensor.Zeros(device, [1]);
        Assert.IsFalse(device.IsRecording);
    }

    [TestMethod]
    [DataRow("cpu", 4, 60)]
    [DataRow("opencl", 4, 25)]
    public void Threads_on_one_device_get_right_results_or_are_refused(string id, int threads, int calls)
    {
        using ComputeDevice device = TestDevices.OpenNew(id);
        using Tensor weight = Tensor.Persistent(device, [64, 64]);
        weight.Write([.. Enumerable.Range(0, 64 * 64).Select(static i => MathF.Sin(i))]);
        float[] values = [.. Enumerable.Range(0, 7 * 64).Select(static i => MathF.Cos(i))];
        float[] expected = Forward(device, weight, values);
        int right = 0;
        var wrong = new ConcurrentQueue<string>();
        Thread[] all = [.. Enumerable.Range(0, threads).Select(_ => new Thread(() =>
        {
            for (int call = 0; call < calls; call++)
            {
                try
                {
                    if (Forward(device, weight, values).AsSpan().SequenceEqual(expected))
                        Interlocked.Increment(ref right);
                    else
                        wrong.Enqueue("another result");
                }
                catch (DeviceInUseException)
                {
                }
                catch (Exception exception)
                {
                    wrong.Enqueue(exception.ToString());
                }
            }
        }))];
        foreach (Thread thread in all)
            thread.Start();
        foreach (Thread thread in all)
            thread.Join();
        Assert.IsEmpty(wrong, wrong.FirstOrDefault());
        Assert.IsGreaterThan(0, right);
        CollectionAssert.AreEqual(expected, Forward(device, weight, values));
        Assert.IsTrue(device.Execution.IsEmpty);
    }

    [TestMethod]
    [DataRow("cpu", 12)]
    [DataRow("opencl", 3)]
    public void Disposing_a_device_that_computes_ends_the_computation_with_an_error(string id, int devices)
    {
        for (int i = 0; i < devices; i++)
        {
            ComputeDevice device = TestDevices.OpenNew(id);
            Tensor weight = Tensor.Zeros(device, [64, 64]);
            var values = new float[7 * 64];
            Exception? end = null;
            using var started = new ManualResetEventSlim();
            var thread = new Thread(() =>
            {
                try
                {
                    while (true)
                    {
                        Forward(device, weight, values);
                        started.Set();
                    }
                }
                catch (ObjectDisposedException exception)
                {
                    end = exception;
                }
            });
            thread.Start();
            started.Wait();
            Thread.SpinWait(i * 5000);
            device.Dispose();
            Assert.IsTrue(thread.Join(TimeSpan.FromSeconds(60)));
            Assert.IsNotNull(end);
            weight.Dispose();
        }
    }

    private static readonly Func<ComputeDevice, IDisposable>[] s_opening =
    [
        static device => device.BeginStep(),
        static device => device.BeginTape(),
        static device => device.NoGradient(),
        static device => device.BeginTraining(1, 2),
        static device => device.BeginEvaluation(),
        static device => device.BeginConstruction(),
        static device => device.BeginStep(record: true, training: new(1, 2)),
    ];

    private static float[] Forward(ComputeDevice device, Tensor weight, float[] values)
    {
        using StepScope step = device.BeginStep();
        Tensor x = Tensor.From(device, [7, 64], values);
        for (int layer = 0; layer < 4; layer++)
            x = Operators.LayerNorm(Operators.Linear(x, weight, residual: x), null);
        return x.ToArray();
    }

    private static async Task<Tensor> Square(ComputeDevice device, Tensor x)
    {
        using StepScope scope = device.BeginStep();
        await Task.Yield();
        Tensor result = Operators.Multiply(x, x);
        await Task.Yield();
        return scope.Keep(result);
    }

    private static void OnThread(string name, Action action) => OnThread(name, () =>
    {
        action();
        return 0;
    });

    private static T OnThread<T>(string name, Func<T> function)
    {
        T result = default!;
        Exception? failure = null;
        var thread = new Thread(() =>
        {
            try
            {
                result = function();
            }
            catch (Exception exception)
            {
                failure = exception;
            }
        })
        { Name = name };
        thread.Start();
        thread.Join();
        if (failure is not null)
            System.Runtime.ExceptionServices.ExceptionDispatchInfo.Throw(failure);
        return result;
    }

    /// <summary>A thread that takes orders; unless it is told so it continues nothing of what was open when it began, as if it had been there before.</summary>
    private sealed class Worker : IDisposable
    {
        private readonly BlockingCollection<Action> _work = [];
        private readonly Thread _thread;

        public Worker(string name, bool continues = false)
        {
            _thread = new Thread(() =>
            {
                foreach (Action action in _work.GetConsumingEnumerable())
                    action();
            })
            { Name = name };
            if (continues)
                _thread.Start();
            else
                _thread.UnsafeStart();
        }

        public void Do(Action action)
        {
            Exception? failure = null;
            using var done = new ManualResetEventSlim();
            _work.Add(() =>
            {
                try
                {
                    action();
                }
                catch (Exception exception)
                {
                    failure = exception;
                }

                done.Set();
            });
            done.Wait();
            if (failure is not null)
                System.Runtime.ExceptionServices.ExceptionDispatchInfo.Throw(failure);
        }

        public void Dispose()
        {
            _work.CompleteAdding();
            _thread.Join();
            _work.Dispose();
        }
    }

    /// <summary>A device in the middle of a read by a thread named first.</summary>
    private sealed class BusyDevice : IDisposable
    {
        private readonly ManualResetEventSlim _reading = new(), _goOn = new();
        private readonly Thread _first;
        private float[]? _read;

        public BusyDevice()
        {
            Backend = new FakeBackend();
            Device = FakeBackend.Open(Backend);
            Tensor = Tensor.From(Device, [1], [42f]);
            Backend.Before = what =>
            {
                if (what != "Read")
                    return;
                _reading.Set();
                _goOn.Wait();
            };
            _first = new Thread(() => _read = Tensor.ToArray()) { Name = "first" };
            _first.Start();
            _reading.Wait();
        }

        public FakeBackend Backend { get; }

        public ComputeDevice Device { get; }

        public Tensor Tensor { get; }

        public float[]? Finish()
        {
            _goOn.Set();
            _first.Join();
            return _read;
        }

        public void Dispose()
        {
            Finish();
            Device.Dispose();
            _reading.Dispose();
            _goOn.Dispose();
        }
    }
}
