namespace GpuTransformer.Host;

/// <summary>One operation of the thread that is inside a device; ends with <c>using</c>.</summary>
internal readonly ref struct DeviceTurn
{
    private readonly DeviceTurns _turns;

    public DeviceTurn(DeviceTurns turns) => _turns = turns;

    public void Dispose() => _turns.Leave();
}
