using System.Runtime.CompilerServices;
using System.Runtime.ConstrainedExecution;

namespace GpuTransformer.Host;

/// <summary>Asks the garbage collector for what nobody has any more: it sees the small objects on the heap, but not the memory behind them.</summary>
internal static class GarbageCollection
{
    // A finalizer that waits for what the caller holds, such as a lock around its steps, must not stop it for ever.
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(1);

    /// <summary>
    /// Collects all generations, since blocks that are reused are old objects, and waits until the finalizers have run, but no longer than a second.
    /// </summary>
    public static void Run()
    {
        var done = new ManualResetEventSlim();
        Leave(done);
        GC.Collect(GC.MaxGeneration, GCCollectionMode.Forced, blocking: true);
        done.Wait(s_patience);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void Leave(ManualResetEventSlim done) => _ = new Herald(done);

    /// <summary>Tells when the finalizers of a collection have run: critical ones come after all others.</summary>
    private sealed class Herald(ManualResetEventSlim done) : CriticalFinalizerObject
    {
        ~Herald() => done.Set();
    }
}
