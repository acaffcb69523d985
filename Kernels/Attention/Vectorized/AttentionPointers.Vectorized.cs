namespace GpuTransformer.Kernels;

/// <summary>The arrays that travel beside <see cref="AttentionRules"/>, for the Vectorized kernels; null where an option is off.</summary>
internal unsafe struct AttentionPointers
{
    public byte* KeyMask;    // [batch, keys − freeColumns]
    public byte* Mask;       // [batch|1, heads|1, queries|1, keys − freeColumns], by the rules' strides
    public float* Bias;      // [batch|1, heads|1, queries|1, keys − freeColumns], by the rules' strides
    public float* Slopes;    // [heads]
    public float* Positions; // [batch|1, heads|1, keys − freeColumns], by the rules' strides
    public float* Distances; // [heads, span]
}
