using System.Collections.Concurrent;
using System.Diagnostics.CodeAnalysis;
using System.Globalization;

namespace GpuTransformer.Host;

/// <summary>
/// Whose turn it is on one device. Two rules, both checked at the beginning of each operation and both some nanoseconds long: no two threads are inside at a
/// time, and while something is open (see <see cref="ExecutionState"/>) only the flow of control that opened it may enter. A flow is known by its execution
/// context, which <c>await</c> carries from thread to thread, and a thread of the user's own by itself.
/// </summary>
/// <remarks>
/// Closing and disposing never fail and never wait: what cannot be done at once, because another thread is inside, is left for that thread to do on its way
/// out.
/// </remarks>
internal sealed class DeviceTurns(ComputeDevice device)
{
    // Stands in for a thread that only puts something away; whoever comes meanwhile waits for it, well below a microsecond.
    private static readonly Thread s_tidying = new(static () => { });

    private readonly AsyncLocal<OpenFrame?> _flow = new();
    private readonly List<OpenFrame> _open = [];
    private readonly ConcurrentQueue<IDeviceDuty> _left = new();
    private volatile bool _hasLeft;
    private Thread? _inside;
    private int _depth;

    /// <summary>Whether the operation that was entered last is part of another.</summary>
    public bool IsNested => _depth > 1;

    /// <summary>The number of the operation that is under way or was last; those within it have no number of their own.</summary>
    public long Operation { get; private set; }

    /// <summary>Begins an operation, or an operation within one.</summary>
    /// <param name="held">
    /// What the caller holds in hand: only those to whom a step was given can have it, so it proves a hand-over that the context does not show.
    /// </param>
    /// <exception cref="DeviceInUseException">It is another's turn.</exception>
    /// <exception cref="ObjectDisposedException">The device was disposed.</exception>
    public DeviceTurn Enter(OpenFrame? held = null)
    {
        Thread me = Thread.CurrentThread;
        if (ReferenceEquals(_inside, me))
        {
            _depth++;
            return new DeviceTurn(this);
        }

        if (Interlocked.CompareExchange(ref _inside, me, null) is { } other)
            WaitFor(other, me);
        _depth = 1;
        if (device.IsDisposed || (_open.Count > 0 && !Continues(_open[^1], me, held)))
            Refuse(me);
        Operation++;
        if (!device.Pool.Forgotten.IsEmpty)
            device.Pool.TakeForgotten();
        return new DeviceTurn(this);
    }

    /// <summary>Ends an operation.</summary>
    public void Leave()
    {
        if (--_depth > 0)
            return;

        // A full fence: either this thread sees what another left meanwhile, or the other sees that nobody is inside.
        Interlocked.Exchange(ref _inside, null);
        if (_hasLeft)
            Tidy();
    }

    /// <summary>Puts something away now, or as soon as the thread that is inside has finished its operation. Any thread may call it.</summary>
    public void Perform(IDeviceDuty duty)
    {
        if (ReferenceEquals(_inside, Thread.CurrentThread))
        {
            duty.Perform();
            return;
        }

        if (Interlocked.CompareExchange(ref _inside, s_tidying, null) is null)
        {
            try
            {
                duty.Perform();
            }
            finally
            {
                Interlocked.Exchange(ref _inside, null);
            }

            if (_hasLeft)
                Tidy();
            return;
        }

        _left.Enqueue(duty);
        _hasLeft = true;
        Interlocked.MemoryBarrier();
        Tidy();
    }

    /// <summary>From now on the device belongs to the current flow, until the result is closed.</summary>
    public OpenFrame Open()
    {
        var frame = new OpenFrame(_open.Count > 0 ? _open[^1] : null, Thread.CurrentThread);
        _open.Add(frame);
        _flow.Value = frame;
        return frame;
    }

    /// <summary>Part of a duty: what was open is so no more.</summary>
    public void Close(OpenFrame? frame)
    {
        if (frame is null)
            return;
        frame.Close();
        for (int i = _open.Count - 1; i >= 0; i--)
        {
            if (ReferenceEquals(_open[i], frame))
            {
                _open.RemoveAt(i);
                return;
            }
        }
    }

    /// <summary>Takes what was closed out of the current flow's context.</summary>
    public void ForgetClosed()
    {
        OpenFrame? carried = _flow.Value;
        if (carried is { IsOpen: false })
            _flow.Value = Innermost(carried);
    }

    private static OpenFrame? Innermost(OpenFrame? frame)
    {
        while (frame is { IsOpen: false })
            frame = frame.Outer;
        return frame;
    }

    private static string Name(Thread thread)
    {
        string number = thread.ManagedThreadId.ToString(CultureInfo.InvariantCulture);
        return thread.Name is { Length: > 0 } name ? $"thread {number} ('{name}')" : $"thread {number}";
    }

    private bool Continues(OpenFrame innermost, Thread me, OpenFrame? held)
    {
        OpenFrame? carried = _flow.Value;
        if (!ReferenceEquals(carried, innermost))
        {
            // A thread of the pool serves many flows and proves nothing. One that has ended comes back no more.
            bool handedOver = ReferenceEquals(held, innermost) || ReferenceEquals(Innermost(carried), innermost)
                || (ReferenceEquals(innermost.User, me) && !me.IsThreadPoolThread) || !innermost.User.IsAlive;
            if (!handedOver)
                return false;
            _flow.Value = innermost;
        }

        if (!ReferenceEquals(innermost.User, me))
            innermost.User = me;
        return true;
    }

    private void WaitFor(Thread other, Thread me)
    {
        var spinner = default(SpinWait);
        Thread? inside = other;
        while (inside is not null)
        {
            if (!ReferenceEquals(inside, s_tidying))
            {
                throw new DeviceInUseException(
                    $"{device} is in use: {Name(inside)} is in the middle of an operation, and {Name(me)} wants to begin one. "
                    + "One thread at a time may use a device; "
                    + "take turns, or open a device for each thread.");
            }

            spinner.SpinOnce();
            inside = Interlocked.CompareExchange(ref _inside, me, null);
        }
    }

    [DoesNotReturn]
    private void Refuse(Thread me)
    {
        OpenFrame? innermost = _open.Count > 0 ? _open[^1] : null;
        Leave();
        ObjectDisposedException.ThrowIf(device.IsDisposed, device);
        throw new DeviceInUseException(
            $"{device} is in use: {Name(innermost!.User)} has a step, a tape or training open on it, and {Name(me)} does not continue that work. "
            + "One thread at a time may use a "
            + "device; take turns around whole steps, or open a device for each thread. What awaits inside a step may go on on another thread.");
    }

    private void Tidy()
    {
        while (_hasLeft && Interlocked.CompareExchange(ref _inside, s_tidying, null) is null)
        {
            try
            {
                _hasLeft = false;
                while (_left.TryDequeue(out IDeviceDuty? duty))
                    duty.Perform();
            }
            finally
            {
                Interlocked.Exchange(ref _inside, null);
            }
        }
    }
}
