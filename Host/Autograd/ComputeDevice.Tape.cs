namespace GpuTransformer.Host;

public sealed partial class ComputeDevice
{
    private readonly Stack<List<TapeRecord>> _tapeStorage = new();
    private GradientTape? _tape;

    /// <summary>Whether operator calls are being recorded, so that what they read must stay alive until the tape is walked.</summary>
    public bool IsRecording => _tape is not null;

    /// <summary>Starts recording. Tapes nest; the innermost records.</summary>
    public GradientTape BeginTape()
    {
        ThrowIfDisposed();
        if (!_tapeStorage.TryPop(out List<TapeRecord>? storage))
            storage = [];
        return _tape = new GradientTape(this, _tape, storage);
    }

    /// <summary>Pauses recording until the result is disposed.</summary>
    public NoGradientScope NoGradient()
    {
        var scope = new NoGradientScope(this, _tape);
        _tape = null;
        return scope;
    }

    /// <summary>Whether a call that reads these tensors is to be recorded.</summary>
    internal bool Records(Tensor a, Tensor? b = null, Tensor? c = null, Tensor? d = null)
        => _tape is not null && (a.IsTracked || GradientTape.Wants(b) || GradientTape.Wants(c) || GradientTape.Wants(d));

    /// <summary>Records a call. <paramref name="backward"/> runs inside a scope of its own, with recording paused.</summary>
    internal void Record(Tensor output, Action<Tensor> backward)
    {
        output.IsTracked = true;
        _tape!.Add(new TapeRecord(output, backward));
    }

    internal void CloseTape(GradientTape tape, GradientTape? outer)
    {
        if (!ReferenceEquals(_tape, tape))
            throw new InvalidOperationException("Tapes close in the reverse order of their opening; an inner one, or a NoGradient scope, is still open.");
        _tape = outer;
    }

    internal void ResumeTape(GradientTape? tape) => _tape = tape;

    internal void RecycleTapeStorage(List<TapeRecord> storage) => _tapeStorage.Push(storage);
}
