namespace GpuTransformer.Host;

public sealed partial class ComputeDevice
{
    /// <summary>
    /// Computes something whose intermediate results are not kept for backward but computed again when it is there: less memory for more time (gradient checkpointing; Chen et al. 2016).
    /// The gradients are the same, bit for bit, as without; random draws of the open training scope are drawn again. Where nothing is recorded, it just computes.
    /// </summary>
    /// <param name="compute">
    /// From tensors that live until backward, such as the stream, a context and parameters, to one tensor. It runs twice and must do the same each time.
    /// </param>
    /// <returns>What <paramref name="compute"/> returns.</returns>
    public Tensor Checkpoint(Func<Tensor> compute)
    {
        ArgumentNullException.ThrowIfNull(compute);
        ThrowIfDisposed();
        if (!IsRecording)
            return compute();
        TrainingScope? training = Training;
        int draws = training?.Draws ?? 0;
        using StepScope scope = BeginStep();
        Tensor result;
        bool isTracked;
        List<SavedTensor> read;

        // Recorded, though only to be forgotten: what is recorded takes other paths than what is not, and both runs must take the same to agree in every bit.
        using (GradientTape forgotten = BeginTape())
        {
            result = compute();
            isTracked = result.IsTracked;
            read = forgotten.SavedOutside(scope);
        }

        // What was there before has a record of its own, if any; this one needs a handle of its own.
        Tensor output = scope.Keep(ReferenceEquals(result.Scope, scope) ? result : result.Detach());
        if (isTracked)
        {
            Record(output, gradient => Recompute(compute, gradient, training, draws));
            _tape?.AnswerFor(read);
        }

        return output;
    }

    private void Recompute(Func<Tensor> compute, Tensor gradient, TrainingScope? training, int draws)
    {
        using EvaluationScope evaluation = BeginEvaluation();
        using TrainingScope? again = training is null ? null : Begin(training.Again(draws));

        // The tensors that compute reads are those of the outer tape, so their gradients go straight to them.
        using GradientTape tape = BeginTape();
        tape.Backward(compute(), gradient);
    }
}
