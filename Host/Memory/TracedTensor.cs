using System.Diagnostics;
using System.Runtime.CompilerServices;

namespace GpuTransformer.Host;

/// <summary>A live tensor and where it was made.</summary>
/// <param name="Shape">Its axis lengths.</param>
/// <param name="DType">What is stored.</param>
/// <param name="StackTrace">Who called whom when it was made, the innermost call first, one a line.</param>
public sealed record TensorOrigin(Shape Shape, DType DType, string StackTrace);

/// <summary>Where the live tensors of one device were made, the oldest first. Any thread may read it.</summary>
internal sealed class TensorTraces
{
    private readonly LinkedList<TracedTensor> _live = new();

    /// <summary>Remembers the calls that lead here.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    public TracedTensor Add(Shape shape, DType dtype)
    {
        var trace = new TracedTensor(this, shape, dtype, new StackTrace(1, fNeedFileInfo: true));
        lock (_live)
            _live.AddLast(trace.Node);
        return trace;
    }

    public void Remove(TracedTensor trace)
    {
        lock (_live)
            _live.Remove(trace.Node);
    }

    public IReadOnlyList<TensorOrigin> Oldest(int most)
    {
        TracedTensor[] oldest;
        lock (_live)
            oldest = [.. _live.Take(most)];
        return Array.ConvertAll(oldest, static trace => new TensorOrigin(trace.Shape, trace.DType, trace.Calls.ToString()));
    }
}

/// <summary>One entry of <see cref="TensorTraces"/>; it knows nothing of the tensor, so that the garbage collector can find that.</summary>
internal sealed class TracedTensor
{
    private readonly TensorTraces _traces;

    public TracedTensor(TensorTraces traces, Shape shape, DType dtype, StackTrace calls)
    {
        (_traces, Shape, DType, Calls) = (traces, shape, dtype, calls);
        Node = new LinkedListNode<TracedTensor>(this);
    }

    public Shape Shape { get; }

    public DType DType { get; }

    public StackTrace Calls { get; }

    public LinkedListNode<TracedTensor> Node { get; }

    public void Remove() => _traces.Remove(this);
}
