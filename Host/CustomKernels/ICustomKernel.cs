namespace GpuTransformer.Host.CustomKernels;

/// <summary>
/// A kernel of one's own that computes independent pieces, numbered from 0: a struct of ILGPU's array views and numbers, and a static method that computes one
/// piece. It runs on every device: as a thread per piece where ILGPU does, on all cores on <c>cpu</c>. Launched with
/// <see cref="CustomKernelLaunches.Launch{TKernel}"/>.
/// </summary>
/// <typeparam name="TSelf">
/// The struct itself. It and the types around it are public, for ILGPU's launchers see it from outside; its fields are numbers, <c>ArrayView</c>s and structs
/// of them, no <c>bool</c> and no reference.
/// </typeparam>
/// <example>
/// <code>
/// public struct SquareKernel : ICustomKernel&lt;SquareKernel&gt;
/// {
///     public ArrayView&lt;float&gt; X, Y;
///
///     public static void Run(int index, SquareKernel k) =&gt; k.Y[index] = k.X[index] * k.X[index];
/// }
/// device.Launch((int)x.Shape.Count, tensors =&gt; new SquareKernel { X = tensors.Read&lt;float&gt;(x), Y = tensors.Write&lt;float&gt;(y) });
/// </code>
/// </example>
public interface ICustomKernel<TSelf>
    where TSelf : struct, ICustomKernel<TSelf>
{
    /// <summary>
    /// Computes piece <paramref name="index"/>. Pieces run in any order and at once: each writes what no other reads or writes, so that results do not depend
    /// on the device's number of threads. ILGPU compiles it: no objects, strings, exceptions or virtual calls; <c>MathF</c> and <c>IntrinsicMath</c> are there.
    /// An index outside a view is not checked, on no device.
    /// </summary>
    /// <param name="index">From 0 to below the launch's count.</param>
    /// <param name="kernel">The views and numbers of the launch.</param>
    static abstract void Run(int index, TSelf kernel);

    /// <summary>
    /// Computes some pieces on the <c>cpu</c> device, one after another unless it is overridden: for a form of one's own with SIMD, or one that shares work
    /// between neighbours. ILGPU never sees it.
    /// </summary>
    /// <param name="first">The first piece.</param>
    /// <param name="end">The one after the last. How pieces are put together is not promised, so the results must not depend on it.</param>
    /// <param name="kernel">The views and numbers of the launch.</param>
    static virtual void RunOnProcessor(int first, int end, TSelf kernel)
    {
        for (int index = first; index < end; index++)
            TSelf.Run(index, kernel);
    }
}

/// <summary>
/// A kernel of one's own whose threads work together in groups, with ILGPU's barriers and shared memory; on <c>cpu</c> it has a form of its own, for there are
/// neither. Launched with <see cref="CustomKernelLaunches.LaunchGroups{TKernel}"/>.
/// </summary>
/// <typeparam name="TSelf">As for <see cref="ICustomKernel{TSelf}"/>.</typeparam>
public interface IGroupKernel<TSelf>
    where TSelf : struct, IGroupKernel<TSelf>
{
    /// <summary>Threads per group, from 1 to 128.</summary>
    static abstract int GroupSize { get; }

    /// <summary>
    /// What each thread of group <paramref name="group"/> does; <c>Group.IdxX</c> is the thread's number. Compiled by ILGPU, as
    /// <see cref="ICustomKernel{TSelf}.Run"/>. Every thread of a group reaches the same barriers. The group's number is not <c>Grid.IdxX</c>, for a long grid
    /// is launched in parts.
    /// </summary>
    static abstract void Run(int group, TSelf kernel);

    /// <summary>The same work on the <c>cpu</c> device, by one thread for the whole group. Groups run in any order and at once.</summary>
    static abstract void RunOnProcessor(int group, TSelf kernel);
}
