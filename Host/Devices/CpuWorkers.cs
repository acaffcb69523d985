using System.Runtime.CompilerServices;
using System.Runtime.ExceptionServices;
using GpuTransformer.Kernels;

namespace GpuTransformer.Host;

/// <summary>
/// Runs the blocks of a Vectorized kernel on all cores. A forward pass is hundreds of launches of some tens of microseconds, so workers spin for a short
/// while between launches before they sleep, blocks are claimed by one compare-and-swap, and a launch allocates nothing.
/// </summary>
internal sealed unsafe class CpuWorkers : IDisposable
{
    private const int SpinRounds = 2000;

    private readonly Thread[] _threads;
    private readonly SemaphoreSlim _wake = new(0);
    private readonly Lock _launch = new();
    private int _sleepers;
    private volatile bool _stop;

    // The claim ticket: the launch's number in the upper half, blocks left in the lower. A stale worker's swap fails because the number has moved on.
    private long _ticket;
    private int _completed;
    private delegate*<void*, int, void> _execute;
    private void* _kernel;
    private Exception? _failure;

    public CpuWorkers(int threads)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(threads, 1);
        _threads = new Thread[threads - 1];
        for (int i = 0; i < _threads.Length; i++)
        {
            _threads[i] = new Thread(Work) { IsBackground = true, Name = $"GpuTransformer worker {i + 1}" };
            _threads[i].Start();
        }
    }

    /// <summary>Workers and the calling thread.</summary>
    public int Count => _threads.Length + 1;

    /// <summary>Executes blocks 0 to <paramref name="blocks"/> − 1 and returns when all are done.</summary>
    public void Run<TKernel>(int blocks, in TKernel kernel)
        where TKernel : unmanaged, IBlockKernel
    {
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
                _completed = 0;
                long number = (Volatile.Read(ref _ticket) >> 32) + 1;
                Interlocked.Exchange(ref _ticket, (number << 32) | (uint)blocks);
                Wake(blocks - 1);
                while (TryExecuteOne())
                {
                }

                var spinner = default(SpinWait);
                while (Volatile.Read(ref _completed) != blocks)
                    spinner.SpinOnce(sleep1Threshold: -1);
            }

            if (_failure is { } failure)
                ExceptionDispatchInfo.Throw(failure);
        }
    }

    public void Dispose()
    {
        _stop = true;
        _wake.Release(_threads.Length);
        foreach (Thread thread in _threads)
            thread.Join();
        _wake.Dispose();
    }

    private static void Invoke<TKernel>(void* kernel, int block)
        where TKernel : unmanaged, IBlockKernel
        => Unsafe.AsRef<TKernel>(kernel).Execute(block);

    private bool TryExecuteOne()
    {
        long ticket = Volatile.Read(ref _ticket);
        uint left;
        while ((left = (uint)ticket) != 0)
        {
            long seen = Interlocked.CompareExchange(ref _ticket, ticket - 1, ticket);
            if (seen == ticket)
            {
                // This launch cannot end before the claimed block does, so the fields below are its own.
                try
                {
                    _execute(_kernel, (int)left - 1);
                }
                catch (Exception exception)
                {
                    _failure = exception;
                }

                Interlocked.Increment(ref _completed);
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
            Interlocked.Increment(ref _sleepers);
            if ((uint)Volatile.Read(ref _ticket) != 0)
            {
                Interlocked.Decrement(ref _sleepers);
                continue;
            }

            _wake.Wait();
        }
    }

    private bool SpinForWork()
    {
        for (int round = 0; round < SpinRounds; round++)
        {
            if ((uint)Volatile.Read(ref _ticket) != 0)
                return true;
            Thread.SpinWait(10);
        }

        return false;
    }

    private void Wake(int wanted)
    {
        int sleeping = Volatile.Read(ref _sleepers);
        int waking = Math.Min(sleeping, wanted);
        if (waking > 0)
        {
            Interlocked.Add(ref _sleepers, -waking);
            _wake.Release(waking);
        }
    }
}
