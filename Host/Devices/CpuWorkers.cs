using System.Runtime.CompilerServices;
using System.Runtime.ExceptionServices;
using System.Runtime.InteropServices;
using GpuTransformer.Kernels;

namespace GpuTransformer.Host;

/// <summary>
/// The worker threads of one device. Threads keep only what they share alive, so that those of a device that was forgotten end when the garbage collector finds
/// it.
/// </summary>
internal sealed class CpuWorkers : IDisposable
{
    private readonly CpuWorkerTeam _team;

    public CpuWorkers(int threads) => _team = new CpuWorkerTeam(threads);

    // Null where the constructor refused its argument.
    ~CpuWorkers() => _team?.Stop();

    /// <summary>Workers and the calling thread.</summary>
    public int Count => _team.Count;

    /// <summary>
    /// Executes blocks 0 to <paramref name="blocks"/> − 1, the last first, and returns when all are done. Launches from several threads take turns.
    /// </summary>
    /// <exception cref="ObjectDisposedException">The threads were stopped.</exception>
    public void Run<TKernel>(int blocks, in TKernel kernel)
        where TKernel : unmanaged, IBlockKernel
    {
        _team.Run(blocks, kernel);
        GC.KeepAlive(this);
    }

    public void Dispose()
    {
        GC.SuppressFinalize(this);
        _team.Dispose();
    }
}

/// <summary>
/// Runs the blocks of a Vectorized kernel on all cores. A forward pass is hundreds of launches of some tens of microseconds, so workers spin for a short
/// while between launches before they sleep, blocks are claimed by one compare-and-swap, and a launch allocates nothing.
/// </summary>
/// <remarks>
/// No launch waits for a worker to wake: the calling thread executes every block that nobody else has claimed, and waits only for blocks under way.
/// </remarks>
internal sealed unsafe class CpuWorkerTeam : IDisposable
{
    // About half a millisecond of looking for work before a worker sleeps: longer than the host code between two launches.
    private const int SpinRounds = 1500;

    // Every so many rounds a spinning worker lets another thread have its core: on a busy machine that may be the very thread that launches.
    private const int RoundsPerYield = 64;

    // Vectorized kernels keep their scratch on the stack, and musl's default is small.
    private const int StackBytes = 4 << 20;

    private readonly Thread[] _threads;
    private readonly SemaphoreSlim _wake = new(0);
    private readonly Lock _launch = new();
    private volatile bool _stop;
    private Counters _counters;
    private delegate*<void*, int, void> _execute;
    private void* _kernel;
    private Exception? _failure;

    public CpuWorkerTeam(int threads)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(threads, 1);
        _threads = new Thread[threads - 1];
        for (int i = 0; i < _threads.Length; i++)
        {
            _threads[i] = new Thread(Work, StackBytes) { IsBackground = true, Name = $"GpuTransformer worker {i + 1}" };
            _threads[i].Start();
        }
    }

    /// <summary>Workers and the calling thread.</summary>
    public int Count => _threads.Length + 1;

    /// <summary>
    /// Executes blocks 0 to <paramref name="blocks"/> − 1, the last first, and returns when all are done. Launches from several threads take turns.
    /// </summary>
    /// <exception cref="ObjectDisposedException">The threads were stopped.</exception>
    public void Run<TKernel>(int blocks, in TKernel kernel)
        where TKernel : unmanaged, IBlockKernel
    {
        ObjectDisposedException.ThrowIf(_stop, typeof(ComputeDevice));
        if (blocks <= 1 || _threads.Length == 0)
        {
            for (int block = 0; block < blocks; block++)
                kernel.Execute(block);
            return;
        }

        lock (_launch)
        {
            fixed (TKernel* pointer = &kernel)
            {
                _kernel = pointer;
                _execute = &Invoke<TKernel>;
                _failure = null;
                _counters.Completed = 0;
                long number = (Volatile.Read(ref _counters.Ticket) >> 32) + 1;
                Interlocked.Exchange(ref _counters.Ticket, (number << 32) | (uint)blocks);
                Wake(blocks - 1);
                while (TryExecuteOne())
                {
                }

                var spinner = default(SpinWait);
                while (Volatile.Read(ref _counters.Completed) != blocks)
                    spinner.SpinOnce(sleep1Threshold: -1);
            }

            if (_failure is { } failure)
                ExceptionDispatchInfo.Throw(failure);
        }
    }

    /// <summary>Lets the threads end after what they are doing. Twice is harmless.</summary>
    public void Stop()
    {
        lock (_launch)
        {
            if (_stop)
                return;
            _stop = true;
        }

        if (_threads.Length > 0)
            _wake.Release(_threads.Length);
    }

    /// <summary>Waits until they have ended.</summary>
    public void Dispose()
    {
        Stop();
        foreach (Thread thread in _threads)
            thread.Join();
        _wake.Dispose();
    }

    private static void Invoke<TKernel>(void* kernel, int block)
        where TKernel : unmanaged, IBlockKernel
        => Unsafe.AsRef<TKernel>(kernel).Execute(block);

    private bool TryExecuteOne()
    {
        long ticket = Volatile.Read(ref _counters.Ticket);
        uint left;
        while ((left = (uint)ticket) != 0)
        {
            long seen = Interlocked.CompareExchange(ref _counters.Ticket, ticket - 1, ticket);
            if (seen == ticket)
            {
                // This launch cannot end before the claimed block does, so the fields below are its own. The other blocks run on: kernels only write their
                // outputs.
                try
                {
                    _execute(_kernel, (int)left - 1);
                }
                catch (Exception exception)
                {
                    Interlocked.CompareExchange(ref _failure, exception, null);
                }

                Interlocked.Increment(ref _counters.Completed);
                return true;
            }

            ticket = seen;
        }

        return false;
    }

    private void Work()
    {
        while (!_stop)
        {
            if (TryExecuteOne() || SpinForWork())
                continue;

            // A launch between the failed look and this line must see the sleeper, or be seen by the second look.
            Interlocked.Increment(ref _counters.Sleepers);
            if ((uint)Volatile.Read(ref _counters.Ticket) != 0)
            {
                Interlocked.Decrement(ref _counters.Sleepers);
                continue;
            }

            _wake.Wait();
        }
    }

    private bool SpinForWork()
    {
        for (int round = 0; round < SpinRounds; round++)
        {
            if ((uint)Volatile.Read(ref _counters.Ticket) != 0)
                return true;
            if (round % RoundsPerYield == RoundsPerYield - 1)
                Thread.Yield();
            else
                Thread.SpinWait(10);
        }

        return false;
    }

    private void Wake(int wanted)
    {
        int sleeping = Volatile.Read(ref _counters.Sleepers);
        int waking = Math.Min(sleeping, wanted);
        if (waking > 0)
        {
            Interlocked.Add(ref _counters.Sleepers, -waking);
            _wake.Release(waking);
        }
    }

    /// <summary>What all threads write, each on cache lines of its own (two, for processors that fetch in pairs).</summary>
    [StructLayout(LayoutKind.Explicit, Size = 512)]
    private struct Counters
    {
        /// <summary>The launch's number in the upper half, blocks left in the lower. A stale worker's swap fails because the number has moved on.</summary>
        [FieldOffset(128)]
        public long Ticket;

        /// <summary>Blocks done.</summary>
        [FieldOffset(256)]
        public int Completed;

        /// <summary>
        /// Workers asleep or about to be, less wake-ups not yet taken; below zero for a moment when a worker that was woken had found work by itself.
        /// </summary>
        [FieldOffset(384)]
        public int Sleepers;
    }
}
