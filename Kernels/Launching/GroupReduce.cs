using ILGPU;

namespace GpuTransformer.Kernels;

/// <summary>Sums and maxima over the 64 threads of a group, by a tree in shared memory: the same order, so the same bits, on every device.</summary>
internal static class GroupReduce
{
    /// <summary>The group size that these reductions are written for.</summary>
    public const int GroupSize = 64;

    /// <summary>The sum over the group, returned to every thread. Every thread of the group must call it.</summary>
    public static float Sum(float value)
    {
        ArrayView<float> shared = SharedMemory.Allocate<float>(GroupSize);
        int thread = Group.IdxX;
        shared[thread] = value;
        for (int half = GroupSize / 2; half > 0; half >>= 1)
        {
            Group.Barrier();
            if (thread < half)
                shared[thread] += shared[thread + half];
        }

        Group.Barrier();
        float total = shared[0];

        // The next reduction reuses the same memory.
        Group.Barrier();
        return total;
    }

    /// <summary>The maximum over the group, returned to every thread. Every thread of the group must call it.</summary>
    public static float Max(float value)
    {
        ArrayView<float> shared = SharedMemory.Allocate<float>(GroupSize);
        int thread = Group.IdxX;
        shared[thread] = value;
        for (int half = GroupSize / 2; half > 0; half >>= 1)
        {
            Group.Barrier();
            if (thread < half)
                shared[thread] = IntrinsicMath.Max(shared[thread], shared[thread + half]);
        }

        Group.Barrier();
        float largest = shared[0];
        Group.Barrier();
        return largest;
    }
}
