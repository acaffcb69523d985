namespace GpuTransformer.Host;

/// <summary>
/// What is open on one device: a stack of levels, of which the innermost says what is in force. All of it happens within an operation of the device or, for
/// closing, between two, so it needs no lock.
/// </summary>
internal sealed class ExecutionState(ComputeDevice device)
{
    private static long s_opened;

    // Levels and tapes that are closed, to be used again.
    private readonly Stack<StepLevel> _levels = new();
    private readonly Stack<GradientTape> _tapes = new();
    private StepLevel? _innermost;

    public ComputeDevice Device { get; } = device;

    /// <summary>What owns the tensors that are made now; null where their makers do.</summary>
    public StepLevel? Memory => _innermost?.Memory;

    /// <summary>What persistent tensors are made for now.</summary>
    public StepLevel? Construction => _innermost?.Construction;

    /// <summary>What records now. A tape that was walked records no more.</summary>
    public GradientTape? Recorder => _innermost?.Recorder is { IsWalked: false } recorder ? recorder : null;

    /// <summary>What dropout draws from now.</summary>
    public RandomStreams? Training => _innermost?.Training;

    /// <summary>Whether nothing is open.</summary>
    public bool IsEmpty => _innermost is null;

    /// <summary>Opens a step for a user, who closes it.</summary>
    /// <exception cref="DeviceInUseException">Another thread is using the device.</exception>
    public StepScope Begin(StepParts parts, TrainingStep training = default, int draws = 0)
    {
        using DeviceTurn turn = Device.Enter();
        return new StepScope(Open(parts, isWithin: Device.Turns.IsNested, training, draws));
    }

    /// <summary>Opens a level for a part of an operation, which allocates nothing.</summary>
    public OperationStep BeginWithin(StepParts parts) => new(Open(parts, isWithin: true, default, 0));

    /// <summary>Part of a duty: closes a level and with it what was opened since; nothing where it is closed already.</summary>
    public void Close(StepLevel level, long number)
    {
        if (level.Number != number)
            return;
        StepLevel innermost;
        do
        {
            innermost = _innermost!;
            CloseInnermost(innermost);
        }
        while (!ReferenceEquals(innermost, level));
    }

    /// <summary>Gives a tensor that a level owns to another, or to its holder.</summary>
    public void HandOver(Tensor tensor, StepLevel? heir)
    {
        tensor.Scope = heir?.Number ?? 0;
        if (heir is null)
            Device.Statistics.CountOutsideScopes(1);
        else
            heir.Tensors.Add(tensor);
    }

    /// <summary>
    /// Lets go of the tensors of steps that nobody can close any more: they belong to the enclosing step or to their holders from here on. What such a step has
    /// in force stays so: a program may count on it without holding the step, and results must not depend on when the collector runs. Tensors that somebody
    /// holds are not touched for the same reason.
    /// </summary>
    /// <returns>Whether there were any, which the next collection may find.</returns>
    public bool LetGoOfForgotten()
    {
        var levels = new List<StepLevel>();
        for (StepLevel? level = _innermost; level is not null; level = level.Outer)
            levels.Add(level);
        if (!levels.Exists(static level => level is { OwnsTensors: true, IsForgotten: true }))
            return false;

        // The outermost first, so that each finds the one around it in order.
        StepLevel? outer = null;
        for (int i = levels.Count - 1; i >= 0; i--)
        {
            StepLevel level = levels[i];
            bool isForgotten = level is { OwnsTensors: true, IsForgotten: true };
            level.PutInside(outer, disown: isForgotten);
            if (isForgotten)
                LetGo(level);
            if (level.IsVoid)
                Retire(level);
            else
                outer = level;
        }

        _innermost = outer;
        return true;
    }

    private void LetGo(StepLevel level)
    {
        foreach (Tensor tensor in level.Tensors)
        {
            if (tensor.Scope == level.Number && !tensor.IsDisposed)
                HandOver(tensor, level.Memory);
        }

        level.Tensors.Clear();
        level.Tensors.TrimExcess();
    }

    private void Retire(StepLevel level)
    {
        level.Close();
        _levels.Push(level);
    }

    private StepLevel Open(StepParts parts, bool isWithin, TrainingStep training, int draws)
    {
        StepLevel? outer = _innermost;

        // An operation ends before anybody else can enter. Those who share a step may open others inside it in turn; what decides what is computed is for one
        // alone.
        bool isShared = isWithin || (parts == StepParts.Memory && Memory is not null) || (parts == StepParts.Construction && Construction is not null);
        OpenFrame? frame = isShared ? null : Device.Turns.Open();
        RandomStreams? streams = (parts & StepParts.Training) == 0 ? null : new RandomStreams(Device.Turns, frame ?? outer?.Frame, training) { Draws = draws };
        if (!_levels.TryPop(out StepLevel? level))
            level = new StepLevel(this);
        GradientTape? tape = (parts & StepParts.Tape) == 0 ? null : NewTape();
        level.Open(Interlocked.Increment(ref s_opened), parts, outer, frame, isWithin ? 0 : Ticks(parts), tape, streams);
        _innermost = level;
        return level;
    }

    // A step is what repeats: an outermost one or, where a whole program stands in one, those right inside it. What operators open within themselves is none.
    private int Ticks(StepParts parts)
    {
        if ((parts & StepParts.Memory) == 0)
            return 0;
        return Memory is null ? MemoryPool.TicksPerStep : Memory.Outer?.Memory is null ? 1 : 0;
    }

    private GradientTape NewTape()
    {
        if (!_tapes.TryPop(out GradientTape? tape))
            tape = new GradientTape();
        tape.Begin();
        return tape;
    }

    private void CloseInnermost(StepLevel level)
    {
        _innermost = level.Outer;
        if (level.Tape is { } tape)
        {
            tape.Forget();
            _tapes.Push(tape);
        }

        if (level.Opens(StepParts.Construction) && level.IsComplete)
            Construction?.Tensors.AddRange(level.Tensors);
        else
            Release(level);
        Device.Turns.Close(level.OwnFrame);
        int ticks = level.Ticks;
        Retire(level);
        if (ticks > 0)
            Device.Pool.Advance(ticks);
    }

    private static void Release(StepLevel level)
    {
        // Persistent tensors are of no scope; others may have been kept.
        long owner = level.Opens(StepParts.Construction) ? 0 : level.Number;
        foreach (Tensor tensor in level.Tensors)
        {
            if (tensor.Scope == owner)
                tensor.Release();
        }
    }
}

/// <summary>A level that a part of an operation has opened; closes with <c>using</c>.</summary>
internal readonly ref struct OperationStep
{
    private readonly StepLevel _level;
    private readonly long _number;

    public OperationStep(StepLevel level)
    {
        _level = level;
        _number = level.Number;
    }

    public void Dispose() => _level.State.Close(_level, _number);
}
