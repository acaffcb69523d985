using System.Runtime.InteropServices;
using ILGPU;

namespace GpuTransformer.Kernels;

/// <summary>
/// Simulator only: memory through which the 32 threads that play a warp show each other their registers. Between writing and reading, and again before
/// the next writing, all of them pass a barrier.
/// </summary>
internal readonly unsafe struct WarpExchange
{
    private const int Lanes = 32;
    private const int Slots = 8;

    // The simulator's threads play the same lane of the same warp for as long as they live, so a warp finds its memory once. It is never freed: two kilobytes
    // for each.
    [ThreadStatic]
    private static ulong* t_registers;

    private readonly ulong* _registers;

    private WarpExchange(ulong* registers, int lane)
    {
        _registers = registers;
        Lane = lane;
    }

    /// <summary>The calling thread's place in its warp.</summary>
    public int Lane { get; }

    /// <summary>The warp of the calling thread. The warp's first use must be by all of its threads.</summary>
    public static WarpExchange Current
    {
        get
        {
            int lane = Warp.LaneIdx;
            if (t_registers == null)
            {
                long made = lane == 0 ? (long)NativeMemory.Alloc(Lanes * Slots * sizeof(ulong)) : 0;
                t_registers = (ulong*)Warp.Shuffle(made, 0);
            }

            return new WarpExchange(t_registers, lane);
        }
    }

    /// <summary>Shows a register to the other lanes.</summary>
    public void Write(int slot, ulong value) => _registers[Lane * Slots + slot] = value;

    /// <summary>What <paramref name="lane"/> has shown.</summary>
    public ulong Read(int lane, int slot) => _registers[lane * Slots + slot];
}
