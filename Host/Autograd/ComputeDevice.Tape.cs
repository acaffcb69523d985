namespace GpuTransformer.Host;

public sealed partial class ComputeDevice
{
    private readonly Stack<TapeStorage> _tapeStorage = new();

    // Tapes and pauses, the innermost last.
    private readonly List<IDeviceDuty> _recording = [];
    private readonly RecordingPause _walking;
    private GradientTape? _tape;

    /// <summary>Whether operator calls are being recorded, so that what they read must stay alive until the tape is walked.</summary>
    public bool IsRecording => _tape is not null;

    /// <summary>Starts recording. Tapes nest; the innermost records.</summary>
    /// <exception cref="DeviceInUseException">Another thread is using the device.</exception>
    public GradientTape BeginTape()
    {
        using DeviceTurn turn = Enter();
        if (!_tapeStorage.TryPop(out TapeStorage? storage))
            storage = new TapeStorage();
        _tape = new GradientTape(this, storage, Turns.Open());
        _recording.Add(_tape);
        return _tape;
    }

    /// <summary>Pauses recording until the result is disposed.</summary>
    /// <exception cref="DeviceInUseException">Another thread is using the device.</exception>
    public NoGradientScope NoGradient()
    {
        using DeviceTurn turn = Enter();
        return Pause(new RecordingPause(this, Turns.Open()));
    }

    /// <summary>Pauses recording while a tape is walked, which is one operation; costs no allocation.</summary>
    internal NoGradientScope PauseToWalk() => Pause(_walking);

    /// <summary>Whether a call that reads these tensors is to be recorded.</summary>
    internal bool Records(Tensor a, Tensor? b = null, Tensor? c = null, Tensor? d = null)
        => _tape is not null && (a.IsTracked || GradientTape.Wants(b) || GradientTape.Wants(c) || GradientTape.Wants(d));

    /// <summary>Records a call. <paramref name="backward"/> runs inside a scope of its own, with recording paused.</summary>
    /// <param name="output">What the call returned.</param>
    /// <param name="backward">From the output's gradient to those of the inputs.</param>
    /// <param name="saved">The tensors whose numbers <paramref name="backward"/> reads: writing one of them before it ran would make a wrong gradient, and is then noticed.</param>
    internal void Record(Tensor output, Action<Tensor> backward, params ReadOnlySpan<Tensor?> saved)
    {
        using DeviceTurn turn = Enter();
        output.IsTracked = true;
        _tape?.Add(output, backward, saved);
    }

    /// <summary>Part of a duty: closes a tape or ends a pause, and with it what was opened since and forgotten.</summary>
    internal void CloseRecording(IDeviceDuty level)
    {
        int first = _recording.LastIndexOf(level);
        if (first < 0)
            return;
        for (int i = _recording.Count - 1; i >= first; i--)
        {
            if (_recording[i] is GradientTape tape)
                _tapeStorage.Push(tape.Release());
            else
                Turns.Close(((RecordingPause)_recording[i]).Frame);
            _recording.RemoveAt(i);
        }

        // One that was walked records no more: what it would hold could not be used.
        _tape = first > 0 && _recording[first - 1] is GradientTape { IsWalked: false } innermost ? innermost : null;
    }

    private NoGradientScope Pause(RecordingPause pause)
    {
        _recording.Add(pause);
        _tape = null;
        return new NoGradientScope(pause);
    }
}
