namespace GpuTransformer.Host;

/// <summary>
/// One call of a <see cref="DifferentiableFunction"/>: what its <see cref="DifferentiableFunction.Forward"/> leaves for its
/// <see cref="DifferentiableFunction.Backward"/>.
/// </summary>
public sealed class FunctionCall
{
    private readonly DifferentiableFunction _function;
    private readonly Tensor[] _inputs;
    private readonly List<Tensor> _saved = [];
    private bool _closed;

    internal FunctionCall(DifferentiableFunction function, ComputeDevice device, Tensor[] inputs, bool isRecorded)
    {
        _function = function;
        _inputs = inputs;
        Device = device;
        IsRecorded = isRecorded;
    }

    /// <summary>The device of the inputs.</summary>
    public ComputeDevice Device { get; }

    /// <summary>Whether <see cref="DifferentiableFunction.Backward"/> may follow: what only that needs may be left out otherwise.</summary>
    public bool IsRecorded { get; }

    /// <summary>What was saved, in order.</summary>
    public IReadOnlyList<Tensor> Saved => _saved;

    internal IReadOnlyList<Tensor> Inputs => _inputs;

    /// <summary>
    /// Saves tensors for the way back: inputs, the result, or what was computed in between. They live as long as the result's step. One that is written in
    /// place before <see cref="DifferentiableFunction.Backward"/> has read it is an <see cref="InvalidOperationException"/> of <see cref="StepScope.Backward"/>
    /// in place of a wrong gradient; what is kept in another way is not watched. Does nothing where the call is not recorded.
    /// </summary>
    /// <exception cref="ArgumentException">A tensor is on another device or disposed.</exception>
    /// <exception cref="InvalidOperationException">Forward has returned already.</exception>
    public void Save(params ReadOnlySpan<Tensor> tensors)
    {
        if (_closed)
            throw new InvalidOperationException($"{_function.Name} saves a tensor after its Forward has returned; the way back has what was saved by then.");
        for (int i = 0; i < tensors.Length; i++)
            Arguments.Check(Device, tensors[i], null, $"{nameof(tensors)}[{i}]");
        if (IsRecorded)
            _saved.AddRange(tensors);
    }

    /// <summary>Saves one tensor, as the other overload.</summary>
    /// <returns><paramref name="tensor"/></returns>
    public Tensor Save(Tensor tensor)
    {
        Save([tensor]);
        return tensor;
    }

    /// <summary>Whether an input's gradient is wanted; a gradient that is returned in spite of that is left alone.</summary>
    /// <param name="input">The input's number, from 0.</param>
    /// <exception cref="ArgumentOutOfRangeException">There is no such input.</exception>
    public bool Wants(int input)
    {
        if ((uint)input >= (uint)_inputs.Length)
            throw new ArgumentOutOfRangeException(nameof(input), input, $"{_function.Name} was applied to {_inputs.Length} tensors, numbered from 0.");
        return IsRecorded && GradientTape.Wants(_inputs[input]);
    }

    /// <summary>Forward has returned: what was saved outlives its scope.</summary>
    internal void Close(StepScope scope, Tensor result, Tensor output)
    {
        _closed = true;
        for (int i = 0; i < _saved.Count; i++)
            _saved[i] = ReferenceEquals(_saved[i], result) ? output : scope.Keep(_saved[i]);
    }

    internal void GoBack(Tensor gradient)
    {
        IReadOnlyList<Tensor?>? gradients = _function.GoBack(this, gradient);
        if (gradients is null || gradients.Count != _inputs.Length)
            throw Wrong(
                $"{(gradients is null ? "null" : $"{gradients.Count} gradients")}, but was applied to {_inputs.Length} tensors: "
                + "one for each is needed, null where none flows");

        // All of them first: either every input gets its gradient or none does.
        for (int i = 0; i < _inputs.Length; i++)
        {
            if (gradients[i] is { } found)
                Check(i, found);
        }

        for (int i = 0; i < _inputs.Length; i++)
        {
            if (gradients[i] is { } found)
                GradientTape.Accumulate(_inputs[i], found);
        }
    }

    private void Check(int index, Tensor found)
    {
        Tensor input = _inputs[index];
        if (found.IsDisposed)
            throw Wrong($"a disposed tensor as the gradient of input {index}, {input.Shape}");
        if (!ReferenceEquals(found.Device, Device))
            throw Wrong($"a gradient on {found.Device} for input {index}, which is on {Device}");
        if (found.Shape != input.Shape)
            throw Wrong($"a gradient of shape {found.Shape} for input {index}, whose shape is {input.Shape}");
        if (found.DType != input.DType)
            throw Wrong($"a gradient of {found.DType} for input {index}, which holds {input.DType}; {nameof(Operators)}.{nameof(Operators.Cast)} converts it");
    }

    private InvalidOperationException Wrong(string what) => new($"{_function.Name}.Backward returned {what}.");
}
