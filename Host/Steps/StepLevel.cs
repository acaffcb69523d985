namespace GpuTransformer.Host;

/// <summary>What a step opens. What it does not name stays as it was outside.</summary>
[Flags]
internal enum StepParts
{
    /// <summary>The tensors that are made belong to it.</summary>
    Memory = 1,

    /// <summary>A tape records.</summary>
    Tape = 2,

    /// <summary>Nothing is recorded.</summary>
    NoTape = 4,

    /// <summary>Dropout acts.</summary>
    Training = 8,

    /// <summary>Dropout does nothing.</summary>
    NoTraining = 16,

    /// <summary>The persistent tensors that are made are undone unless it is completed.</summary>
    Construction = 32,
}

/// <summary>
/// One level of the stack of what is open, and what is in force while it is the innermost. Used again by the next, so that a step allocates no more than the
/// object that its user holds; a number tells the one from the other.
/// </summary>
internal sealed class StepLevel(ExecutionState state)
{
    // Weak, so that the collector can find a step that nobody can close any more.
    private readonly WeakReference<StepScope> _holder = new(null!);
    private bool _hasHolder;
    private long _number;
    private StepParts _parts;

    public ExecutionState State { get; } = state;

    /// <summary>No two levels ever have the same; 0 while it is closed. Any thread may ask.</summary>
    public long Number => Volatile.Read(ref _number);

    /// <summary>What was innermost when it was opened.</summary>
    public StepLevel? Outer { get; private set; }

    /// <summary>The innermost level that owns tensors.</summary>
    public StepLevel? Memory { get; private set; }

    /// <summary>The innermost construction.</summary>
    public StepLevel? Construction { get; private set; }

    /// <summary>What records, its own tape or one outside; null in a pause.</summary>
    public GradientTape? Recorder { get; private set; }

    /// <summary>What dropout draws from; null in evaluation.</summary>
    public RandomStreams? Training { get; private set; }

    /// <summary>Its own tape.</summary>
    public GradientTape? Tape { get; private set; }

    /// <summary>Its own frame or the nearest outside, which proves that who has it in hand continues this work.</summary>
    public OpenFrame? Frame { get; private set; }

    /// <summary>What it has opened among the device's turns; null for what may be used in turn with others in the same step.</summary>
    public OpenFrame? OwnFrame { get; private set; }

    /// <summary>How much of a step it is, for the pool's clock.</summary>
    public int Ticks { get; private set; }

    /// <summary>
    /// What is to be put away with it: the tensors that were made in it, also those that were kept or disposed since, or what is being constructed.
    /// </summary>
    public List<Tensor> Tensors { get; } = [];

    public bool IsComplete { get; set; }

    public bool OwnsTensors => Opens(StepParts.Memory);

    /// <summary>Whether the collector has found that nobody can close it any more.</summary>
    public bool IsForgotten => _hasHolder && !_holder.TryGetTarget(out _);

    public bool Opens(StepParts part) => (_parts & part) != 0;

    public void Open(long number, StepParts parts, StepLevel? outer, OpenFrame? frame, int ticks, GradientTape? tape, RandomStreams? training)
    {
        (_parts, Outer, OwnFrame, Ticks, Tape) = (parts, outer, frame, ticks, tape);
        Frame = frame ?? outer?.Frame;
        Memory = Opens(StepParts.Memory) ? this : outer?.Memory;
        Construction = Opens(StepParts.Construction) ? this : outer?.Construction;
        Recorder = Opens(StepParts.Tape | StepParts.NoTape) ? tape : outer?.Recorder;
        Training = Opens(StepParts.Training | StepParts.NoTraining) ? training : outer?.Training;
        Volatile.Write(ref _number, number);
    }

    public void Close()
    {
        Volatile.Write(ref _number, 0);
        Tensors.Clear();
        _hasHolder = IsComplete = false;
    }

    public void HeldBy(StepScope scope)
    {
        _hasHolder = true;
        _holder.SetTarget(scope);
    }

    /// <summary>Whether nothing depends on it any more: all it had opened was memory, and that it has disowned.</summary>
    public bool IsVoid => _parts == 0 && OwnFrame is null;

    /// <summary>
    /// What was around it is gone, or owns tensors no more. With <paramref name="disown"/> it does not either, and none that are made from here on.
    /// </summary>
    public void PutInside(StepLevel? outer, bool disown)
    {
        if (disown)
            _parts &= ~StepParts.Memory;
        Outer = outer;
        Memory = OwnsTensors ? this : outer?.Memory;
    }
}
