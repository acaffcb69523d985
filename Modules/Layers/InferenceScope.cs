using GpuTransformer.Host;

namespace GpuTransformer.Modules;

/// <summary>
/// Gives intermediate results back to the pool as soon as a piece of a forward pass is done. While a tape records it does nothing: backward needs them, and the
/// caller's own step frees them.
/// </summary>
internal readonly struct InferenceScope : IDisposable
{
    private readonly StepScope? _step;

    private InferenceScope(StepScope? step) => _step = step;

    public static InferenceScope Begin(ComputeDevice device) => new(device.IsRecording ? null : device.BeginStep());

    /// <summary>Lets <paramref name="result"/> outlive the scope.</summary>
    public Tensor Keep(Tensor result) => _step is null ? result : _step.Keep(result);

    /// <summary>Frees an intermediate result before its scope closes.</summary>
    public void Release(Tensor intermediate)
    {
        if (_step is not null)
            intermediate.Dispose();
    }

    public void Dispose() => _step?.Dispose();
}
