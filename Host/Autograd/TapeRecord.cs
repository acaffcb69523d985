namespace GpuTransformer.Host;

/// <summary>One operator call: its output, and how the output's gradient becomes its inputs'.</summary>
/// <param name="Output">What the call returned.</param>
/// <param name="Backward">Given the output's gradient, calls the backward operator and accumulates into the inputs.</param>
/// <param name="FirstSaved">Where those begin, in the tape's list of saved tensors, that it reads.</param>
internal readonly record struct TapeRecord(Tensor Output, Action<Tensor> Backward, int FirstSaved);

/// <summary>A tensor that a way back reads, and how often it had been written when the forward pass read it.</summary>
internal readonly record struct SavedTensor(Tensor Tensor, int Version)
{
    /// <summary>Throws where it was written since; one that was disposed is noticed by whoever reads it.</summary>
    public void Check()
    {
        if (!Tensor.IsDisposed && Tensor.Version != Version)
        {
            throw new InvalidOperationException(
                $"A tensor {Tensor.Shape} was written after the forward pass had read it (version {Version} then, {Tensor.Version} now), so that gradients "
                + "computed from it would be wrong. "
                + "Write it after Backward, or let the forward pass read a copy.");
        }
    }
}
