namespace GpuTransformer.Host;

/// <summary>
/// A differentiable operator of one's own: how a tensor is computed from others, and how a gradient goes back. One object may be applied any number of times
/// and by any tape, so it holds what does not change between calls (numbers, names); what a call's way back needs is saved in the <see cref="FunctionCall"/>.
/// </summary>
/// <example>
/// <code>
/// sealed class Cube : DifferentiableFunction
/// {
///     protected override Tensor Forward(FunctionCall call, IReadOnlyList&lt;Tensor&gt; inputs)
///     {
///         call.Save(inputs[0]);
///         return Operators.Multiply(inputs[0], Operators.Multiply(inputs[0], inputs[0]));
///     }
///
///     protected override IReadOnlyList&lt;Tensor?&gt; Backward(FunctionCall call, Tensor gradient)
///     {
///         Tensor x = call.Saved[0];
///         return [Operators.Scale(Operators.Multiply(gradient, Operators.Multiply(x, x)), 3)]; // dL/dx = dL/dy · 3 x²
///     }
/// }
/// Tensor y = new Cube().Apply(x);
/// </code>
/// </example>
public abstract class DifferentiableFunction
{
    /// <summary>
    /// Computes the function and, where a tape records and one of <paramref name="inputs"/> leads back to a tensor that <see cref="Tensor.RequiresGradient"/>,
    /// records it as one operator. It is one operation of the device: what <see cref="Forward"/> leaves behind is freed when it returns, except its result and
    /// what it saved.
    /// </summary>
    /// <param name="inputs">At least one tensor, all on one device.</param>
    /// <returns>The result; it belongs to the open step or, without one, to the caller.</returns>
    /// <exception cref="ArgumentException">There is no input, or one is on another device or disposed; nothing was computed.</exception>
    /// <exception cref="InvalidOperationException"><see cref="Forward"/> returned no tensor of real numbers on the inputs' device.</exception>
    /// <remarks>What <see cref="Forward"/> throws comes out as it is; then nothing was recorded, and what was made is freed.</remarks>
    public Tensor Apply(params ReadOnlySpan<Tensor> inputs)
    {
        if (inputs.IsEmpty)
            throw new ArgumentException($"{Name} was applied to no tensor; it needs at least one.", nameof(inputs));
        ArgumentNullException.ThrowIfNull(inputs[0], $"{nameof(inputs)}[0]");
        ComputeDevice device = inputs[0].Device;
        bool isRecorded = false;
        for (int i = 0; i < inputs.Length; i++)
        {
            Arguments.Check(device, inputs[i], null, $"{nameof(inputs)}[{i}]");
            isRecorded |= device.IsRecording && GradientTape.Wants(inputs[i]);
        }

        // Within one operation, so that this scope counts as no step of the pool's.
        using DeviceTurn turn = device.Enter();
        using StepScope scope = device.BeginStep();
        var call = new FunctionCall(this, device, inputs.ToArray(), isRecorded);
        Tensor result;
        using (device.NoGradient())
            result = Forward(call, call.Inputs);
        CheckResult(result, device);

        // What was there before, an input itself perhaps, needs a handle that this call's record can have for itself.
        Tensor output = scope.Keep(scope.Owns(result) ? result : result.Detach());
        call.Close(scope, result, output);
        if (isRecorded)
            device.Record(output, call.GoBack, [.. call.Saved]);
        return output;
    }

    /// <summary>
    /// Computes the result. Nothing is recorded meanwhile, so operators of all kinds, kernels of one's own (docs/extending.md) and the host's arithmetic may be
    /// used.
    /// </summary>
    /// <param name="call">Takes what <see cref="Backward"/> needs.</param>
    /// <param name="inputs">What <see cref="Apply"/> was given. To be read only.</param>
    /// <returns>A tensor of real numbers on the inputs' device; an input itself is allowed.</returns>
    protected abstract Tensor Forward(FunctionCall call, IReadOnlyList<Tensor> inputs);

    /// <summary>
    /// Computes the inputs' gradients from the result's. It runs at most once for each call, when the tape is walked, on what <see cref="Forward"/> saved;
    /// nothing is recorded, and a tape of its own may be opened in it. What it leaves behind is freed when it returns.
    /// </summary>
    /// <param name="call">What was saved, and which inputs want a gradient.</param>
    /// <param name="gradient">dL/dresult, of the result's shape and data type. To be read only.</param>
    /// <returns>
    /// dL/dinput for each input, in order and of its shape and data type; null where no gradient flows, or where the input wants none
    /// (<see cref="FunctionCall.Wants"/>). Otherwise <see cref="StepScope.Backward"/> throws an <see cref="InvalidOperationException"/> that says what was
    /// returned and what would be right. What this throws comes out of it as it is.
    /// </returns>
    protected abstract IReadOnlyList<Tensor?> Backward(FunctionCall call, Tensor gradient);

    internal string Name => GetType().Name;

    internal IReadOnlyList<Tensor?> GoBack(FunctionCall call, Tensor gradient) => Backward(call, gradient);

    private void CheckResult(Tensor? result, ComputeDevice device)
    {
        string? wrong = result is null ? "null"
            : result.IsDisposed ? $"a tensor that was disposed, {result.Shape}"
            : !ReferenceEquals(result.Device, device) ? $"a tensor on {result.Device}"
            : !result.DType.IsFloatingPoint() ? $"a tensor of {result.DType}, through which no gradient flows"
            : null;
        if (wrong is not null)
            throw new InvalidOperationException(
                $"{Name}.{nameof(Forward)} returned {wrong}; it must return a tensor of real numbers (Float32, Float16 or BFloat16) on {device}.");
    }
}
