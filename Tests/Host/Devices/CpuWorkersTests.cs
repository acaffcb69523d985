using GpuTransformer.Host;
using GpuTransformer.Kernels;

namespace GpuTransformer.Tests;

[TestClass]
public sealed unsafe class CpuWorkersTests
{
    [TestMethod]
    [DataRow(1)]
    [DataRow(2)]
    [DataRow(4)]
    [DataRow(13)]
    public void Every_block_of_every_launch_is_executed_once(int threads)
    {
        const int MaxBlocks = 257;
        using var workers = new CpuWorkers(threads);
        Assert.AreEqual(threads, workers.Count);
        var counts = new int[MaxBlocks];
        var expected = new int[MaxBlocks];
        fixed (int* pointer = counts)
        {
            for (int launch = 0; launch < 4000; launch++)
            {
                int blocks = launch * 31 % (MaxBlocks + 1);
                workers.Run(blocks, new Count { Counts = pointer });
                for (int block = 0; block < blocks; block++)
                    expected[block]++;
            }
        }

        CollectionAssert.AreEqual(expected, counts);
    }

    [TestMethod]
    public void A_launch_sees_its_own_kernel_and_nothing_of_the_one_before()
    {
        const int Blocks = 9;
        using var workers = new CpuWorkers(4);
        var values = new long[Blocks];
        fixed (long* pointer = values)
        {
            for (long launch = 1; launch <= 20000; launch++)
            {
                workers.Run(Blocks, new Store { Values = pointer, Value = launch });
                for (int block = 0; block < Blocks; block++)
                {
                    if (values[block] != launch + block)
                        Assert.Fail($"Launch {launch}, block {block}: {values[block]}.");
                }
            }
        }
    }

    [TestMethod]
    public void Workers_that_have_gone_to_sleep_wake_again()
    {
        using var workers = new CpuWorkers(4);
        var counts = new int[64];
        fixed (int* pointer = counts)
        {
            for (int launch = 0; launch < 20; launch++)
            {
                // Around the time after which workers sleep, so that some launches meet a worker on its way to bed.
                Thread.Sleep(launch % 4);
                Thread.SpinWait(launch * 5000);
                workers.Run(counts.Length, new Count { Counts = pointer });
            }
        }

        Assert.IsTrue(counts.All(static c => c == 20), string.Join(" ", counts));
    }

    [TestMethod]
    public void Two_devices_and_two_threads_on_one_device_do_not_disturb_each_other()
    {
        using var first = new CpuWorkers(4);
        using var second = new CpuWorkers(3);
        CpuWorkers[] users = [first, first, second, second];
        var failures = new System.Collections.Concurrent.ConcurrentQueue<string>();
        Thread[] threads =
        [
            .. users.Select((workers, user) => new Thread(() =>
            {
                var values = new long[33];
                fixed (long* pointer = values)
                {
                    for (int launch = 0; launch < 2000; launch++)
                    {
                        long value = ((long)user << 40) + launch;
                        workers.Run(values.Length, new Store { Values = pointer, Value = value });
                        for (int block = 0; block < values.Length; block++)
                        {
                            if (values[block] != value + block)
                                failures.Enqueue($"User {user}, launch {launch}, block {block}: {values[block]}.");
                        }
                    }
                }
            })),
        ];
        foreach (Thread thread in threads)
            thread.Start();
        foreach (Thread thread in threads)
            thread.Join();
        Assert.IsEmpty(failures, failures.FirstOrDefault());
    }

    [TestMethod]
    [DataRow(1)]
    [DataRow(4)]
    public void An_exception_in_a_block_reaches_the_caller_and_the_next_launch_works(int threads)
    {
        using var workers = new CpuWorkers(threads);
        var counts = new int[100];
        fixed (int* pointer = counts)
        {
            for (int round = 0; round < 50; round++)
            {
                int bad = round;
                var exception = Assert.ThrowsExactly<InvalidOperationException>(() => workers.Run(100, new Throw { Bad = bad }));
                Assert.AreEqual($"block {bad}", exception.Message);
                workers.Run(100, new Count { Counts = pointer });
            }
        }

        Assert.IsTrue(counts.All(static c => c == 50));
    }

    [TestMethod]
    [DataRow(1)]
    [DataRow(4)]
    public void Stopping_twice_is_harmless_and_a_launch_afterwards_is_refused(int threads)
    {
        var workers = new CpuWorkers(threads);
        workers.Dispose();
        workers.Dispose();
        Assert.ThrowsExactly<ObjectDisposedException>(() => workers.Run(5, default(Throw)));
    }

    [TestMethod]
    public void Many_more_threads_than_processors_still_finish()
    {
        using var workers = new CpuWorkers(8 * Environment.ProcessorCount);
        var counts = new int[1000];
        fixed (int* pointer = counts)
        {
            for (int launch = 0; launch < 100; launch++)
                workers.Run(counts.Length, new Count { Counts = pointer });
        }

        Assert.IsTrue(counts.All(static c => c == 100));
    }

    private struct Count : IBlockKernel
    {
        public int* Counts;

        public readonly void Execute(int block) => Interlocked.Increment(ref Counts[block]);
    }

    private struct Store : IBlockKernel
    {
        public long* Values;
        public long Value;

        public readonly void Execute(int block) => Values[block] = Value + block;
    }

    private struct Throw : IBlockKernel
    {
        public int Bad;

        public readonly void Execute(int block)
        {
            if (block == Bad)
                throw new InvalidOperationException($"block {block}");
        }
    }
}
