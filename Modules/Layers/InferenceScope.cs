using GpuTransformer.Host;

namespace GpuTransformer.Modules;

/// <summary>
/// Gives intermediate results back to the pool as soon as a piece of a forward pass is done. While a tape records it does nothing: backward needs them, and the
/// caller's own step frees them. For the Forward of a module of one's own:
/// <code>
/// using InferenceScope scope = InferenceScope.Begin(Device);
/// return scope.Keep(…);
/// </code>
/// </summary>
public readonly record struct InferenceScope : IDisposable
{
    private readonly StepScope? _step;

    private InferenceScope(StepScope? step) => _step = step;

    /// <summary>Opens one on <paramref name="device"/>; close it with <c>using</c>.</summary>
    public static InferenceScope Begin(ComputeDevice device)
    {
        ArgumentNullException.ThrowIfNull(device);
        return new InferenceScope(device.IsRecording ? null : device.BeginStep());
    }

    /// <summary>Lets <paramref name="result"/> outlive the scope; it then belongs to the enclosing scope or, if there is none, to the caller.</summary>
    public Tensor Keep(Tensor result) => _step is null ? result : _step.Keep(result);

    /// <summary>Frees an intermediate result before its scope closes.</summary>
    public void Release(Tensor intermediate)
    {
        ArgumentNullException.ThrowIfNull(intermediate);
        if (_step is not null)
            intermediate.Dispose();
    }

    /// <summary>Frees what was made since <see cref="Begin"/>, except what was kept.</summary>
    public void Dispose() => _step?.Dispose();
}
