namespace GpuTransformer.Host;

/// <summary>
/// The operator calls that were recorded in a step, each with its way back, walked once in reverse. An operator is recorded only if one of its inputs leads
/// back to a tensor that <see cref="Tensor.RequiresGradient"/>. Its lists are used again by the next.
/// </summary>
internal sealed class GradientTape
{
    private readonly List<TapeRecord> _records = [];

    // What the ways back will read, record after record.
    private readonly List<SavedTensor> _saved = [];
    private int _walked;

    /// <summary>How many operator calls were recorded.</summary>
    public int Count => IsWalked ? _walked : _records.Count;

    /// <summary>Whether it is used up: it records no more.</summary>
    public bool IsWalked { get; private set; }

    /// <summary>Makes it new.</summary>
    public void Begin() => IsWalked = false;

    /// <summary>See <see cref="StepScope.Backward"/>, within whose operation it runs.</summary>
    public void Backward(ExecutionState state, Tensor loss, Tensor? outputGradient)
    {
        if (IsWalked)
            throw new InvalidOperationException("This tape was walked already; record the next step on a new one.");
        if (!loss.IsTracked)
            throw new InvalidOperationException($"Nothing that requires a gradient led to the tensor {loss.Shape} while this tape was open.");
        if (outputGradient is null && loss.Shape.Count != 1)
            throw new ArgumentException($"The loss has shape {loss.Shape}; reduce it to one number or give outputGradient of that shape.", nameof(loss));
        if (outputGradient is not null && outputGradient.Shape != loss.Shape)
            throw new ArgumentException($"outputGradient has shape {outputGradient.Shape}, the loss {loss.Shape}.", nameof(outputGradient));
        _walked = _records.Count;
        IsWalked = true;
        try
        {
            Walk(state, loss, outputGradient);
        }
        finally
        {
            // A tape that nobody disposes holds nothing from here on.
            Forget();
        }
    }

    /// <summary>Lets go of the records.</summary>
    public void Forget()
    {
        foreach (TapeRecord record in _records)
        {
            record.Output.IsTracked = false;

            // Left behind by a walk that threw.
            if (!record.Output.RequiresGradient)
                record.Output.ReleaseGradient();
        }

        _records.Clear();
        _saved.Clear();
    }

    public void Add(Tensor output, Action<Tensor> backward, ReadOnlySpan<Tensor?> saved)
    {
        _records.Add(new TapeRecord(output, backward, _saved.Count));
        foreach (Tensor? tensor in saved)
        {
            if (tensor is not null)
                _saved.Add(new SavedTensor(tensor, tensor.Version));
        }
    }

    /// <summary>Lets the last record, which computes all of <paramref name="again"/> anew, answer for what that read from outside its own step.</summary>
    public void AnswerFor(List<SavedTensor> again) => _saved.AddRange(again);

    /// <summary>What the records read that does not belong to the step of that number.</summary>
    public List<SavedTensor> SavedOutside(long step) => _saved.FindAll(saved => !saved.Tensor.IsDisposed && saved.Tensor.Scope != step);

    /// <summary>Whether a backward operator should compute the gradient for <paramref name="tensor"/>.</summary>
    internal static bool Wants(Tensor? tensor) => tensor is { IsTracked: true };

    /// <summary>Adds <paramref name="gradient"/> to what has reached <paramref name="target"/> so far; nothing where no gradient is wanted.</summary>
    internal static void Accumulate(Tensor target, Tensor gradient)
    {
        if (!target.IsTracked)
            return;
        if (gradient.Shape != target.Shape)
            gradient = gradient.Reshape(target.Shape);
        if (target.RequiresGradient)
        {
            // A leaf's gradient outlives the step, so it has memory of its own.
            Tensor sum = target.GradientTarget(out bool accumulate);
            if (accumulate)
                Operators.AddInto(sum, gradient);
            else
                Operators.CopyInto(sum, gradient);
        }
        else if (target.Gradient is { } before)
        {
            Tensor sum = Operators.Add(before, gradient);
            target.DropGradient();
            target.ShareGradient(sum);
        }
        else
        {
            target.ShareGradient(gradient);
        }
    }

    private void Walk(ExecutionState state, Tensor loss, Tensor? outputGradient)
    {
        // Whatever a backward operator leaves behind dies with its step; gradients that are still needed are shared handles outside it.
        const StepParts Parts = StepParts.Memory | StepParts.NoTape;
        using (state.BeginWithin(Parts))
            Accumulate(loss, outputGradient ?? Tensor.From(loss.Device, loss.Shape, [1f], loss.DType));
        int end = _saved.Count;
        for (int i = _records.Count - 1; i >= 0; i--)
        {
            TapeRecord record = _records[i];
            int recordEnd = end;
            end = record.FirstSaved;
            if (record.Output.Gradient is not { } gradient)
                continue;
            for (int saved = record.FirstSaved; saved < recordEnd; saved++)
                _saved[saved].Check();
            using (state.BeginWithin(Parts))
                record.Backward(gradient);
            if (!record.Output.RequiresGradient)
                record.Output.DropGradient();
        }
    }
}
