namespace GpuTransformer.Kernels;

/// <summary>Sizes and strides (in elements) of one attention call. Heads are found by stride and never transposed in memory.</summary>
internal struct AttentionShape
{
    public int Batch;
    public int Heads;
    public int KeyValueHeads;
    public int Queries;
    public int Keys;
    public int HeadDim;
    public int ValueDim;

    /// <summary>How many neighbouring query heads share a key/value head; 1 for x-transformers' rule, head % KeyValueHeads.</summary>
    public int GroupSize;

    public long QueryBatchStride;
    public long QueryHeadStride;
    public long QueryRowStride;
    public long KeyBatchStride;
    public long KeyHeadStride;
    public long KeyRowStride;
    public long ValueBatchStride;
    public long ValueHeadStride;
    public long ValueRowStride;
    public long OutputBatchStride;
    public long OutputHeadStride;
    public long OutputRowStride;

    /// <summary>The key/value head that query head <paramref name="head"/> reads: both rules in one, since a block's number is below KeyValueHeads.</summary>
    /// <remarks>
    /// No choice between two divisions: GPU compilers compute both sides, and a processor's OpenCL then traps on each division by zero (measured on PoCL: ten
    /// times slower).
    /// </remarks>
    public readonly int KeyValueHead(int head) => head / GroupSize % KeyValueHeads;

    /// <summary>Where the row of a query starts.</summary>
    public readonly long QueryOffset(int batch, int head, int query) => batch * QueryBatchStride + head * QueryHeadStride + query * QueryRowStride;

    /// <summary>Where the row of a key starts; <paramref name="head"/> is the query's.</summary>
    public readonly long KeyOffset(int batch, int head, int key) => batch * KeyBatchStride + KeyValueHead(head) * KeyHeadStride + key * KeyRowStride;

    /// <summary>Where the row of a value starts; <paramref name="head"/> is the query's.</summary>
    public readonly long ValueOffset(int batch, int head, int key) => batch * ValueBatchStride + KeyValueHead(head) * ValueHeadStride + key * ValueRowStride;

    /// <summary>Where the row of an output starts.</summary>
    public readonly long OutputOffset(int batch, int head, int query) => batch * OutputBatchStride + head * OutputHeadStride + query * OutputRowStride;

    /// <summary>Where the number that belongs to a query is: [batch, heads, queries].</summary>
    public readonly long RowOffset(int batch, int head, int query) => ((long)batch * Heads + head) * Queries + query;
}
