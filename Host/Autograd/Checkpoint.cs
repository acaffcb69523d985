namespace GpuTransformer.Host;

public sealed partial class ComputeDevice
{
    /// <summary>
    /// Computes something whose intermediate results are not kept for backward but computed again when it is there: less memory for more time (gradient
    /// checkpointing; Chen et al. 2016). The gradients are the same, bit for bit, as without; random draws of the open training step are drawn again. Where
    /// nothing is recorded, it just computes.
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
        TrainingStep training = Training?.Of ?? TrainingStep.None;
        int draws = Training?.Draws ?? 0;
        Tensor output;
        bool isTracked;
        List<SavedTensor> read;

        // Recorded, though only to be forgotten: what is recorded takes other paths than what is not, and both runs must take the same to agree in every bit.
        using (StepScope forgotten = BeginStep(record: true))
        {
            Tensor result = compute();
            isTracked = result.IsTracked;
            read = forgotten.ReadFromOutside();

            // What was there before has a record of its own, if any; this one needs a handle of its own.
            output = forgotten.Keep(forgotten.Owns(result) ? result : result.Detach());
        }

        if (isTracked)
        {
            Record(output, gradient => Recompute(compute, gradient, training, draws));
            Execution.Recorder?.AnswerFor(read);
        }

        return output;
    }

    private void Recompute(Func<Tensor> compute, Tensor gradient, TrainingStep training, int draws)
    {
        // Its tensors belong to the backward step. Those that compute reads are the outer tape's, so their gradients go straight to them.
        using StepScope again = Execution.Begin(StepParts.Tape | (training.IsNone ? StepParts.NoTraining : StepParts.Training), training, draws);
        again.Backward(compute(), gradient);
    }
}
