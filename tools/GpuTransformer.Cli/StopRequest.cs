namespace GpuTransformer.Cli;

/// <summary>
/// What Ctrl-C asks for. A command that has nothing to lose is given up after a moment, since a kernel cannot be interrupted; one that has asked not to be
/// (<see cref="Hold"/>) is waited for, however long it takes to bring its work into safety.
/// </summary>
/// <param name="token">Is cancelled by Ctrl-C.</param>
internal sealed class StopRequest(CancellationToken token)
{
    private static readonly TimeSpan s_gracePeriod = TimeSpan.FromSeconds(2);

    private readonly Lock _lock = new();
    private TaskCompletionSource _free = Freed();
    private int _holders;

    /// <summary>Whether to stop.</summary>
    public CancellationToken Token => token;

    /// <summary>Until the result is disposed, the command is not given up.</summary>
    public IDisposable Hold()
    {
        lock (_lock)
        {
            if (_holders++ == 0)
                _free = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        }

        return new Holder(this);
    }

    /// <summary>Ends when a stop was asked for and the command may be given up.</summary>
    public async Task UntilGivenUp()
    {
        var cancelled = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using (token.Register(cancelled.SetResult))
            await cancelled.Task;
        Task free;
        do
        {
            lock (_lock)
                free = _free.Task;
            await free;
            await Task.Delay(s_gracePeriod, CancellationToken.None);
        }
        while (!IsFree());
    }

    private static TaskCompletionSource Freed()
    {
        var free = new TaskCompletionSource();
        free.SetResult();
        return free;
    }

    private bool IsFree()
    {
        lock (_lock)
            return _holders == 0;
    }

    private void Release()
    {
        lock (_lock)
        {
            if (--_holders == 0)
                _free.SetResult();
        }
    }

    private sealed class Holder(StopRequest request) : IDisposable
    {
        private int _released;

        public void Dispose()
        {
            if (Interlocked.Exchange(ref _released, 1) == 0)
                request.Release();
        }
    }
}
