using ILGPU;

namespace GpuTransformer.Kernels;

/// <summary>The arrays that decide which keys are visible and what is added to their scores. An empty view is off.</summary>
internal struct AttentionArrays
{
    public ArrayView<byte> KeyMask;    // [batch, keys − freeColumns] or empty
    public ArrayView<byte> Mask;       // [batch|1, heads|1, queries|1, keys − freeColumns] or empty
    public ArrayView<float> Bias;      // [batch|1, heads|1, queries|1, keys − freeColumns] or empty
    public ArrayView<float> Slopes;    // [heads] or empty
    public ArrayView<float> Positions; // [batch|1, heads|1, keys − freeColumns] or empty
}
