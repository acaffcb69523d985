using GpuTransformer.Host;

namespace GpuTransformer.Modules;

/// <summary>Sequences that are being written: their tokens, and the model's cache of keys and values where it can have one.</summary>
internal sealed class DecodingSession : IDisposable
{
    private readonly TransformerWrapper _net;
    private readonly KeyValueCache? _cache;
    private TokenInputs _prompts;
    private List<int>[] _tokens;
    private int[]? _starts;

    /// <param name="net">The model.</param>
    /// <param name="prompts">The prompts, left-padded where they are not equally long, and what goes with them.</param>
    /// <param name="capacity">How many tokens are expected, those of the prompts included.</param>
    /// <param name="options">Whether and how keys and values are kept.</param>
    public DecodingSession(TransformerWrapper net, TokenInputs prompts, int capacity, GenerationOptions options)
    {
        (_net, _prompts) = (net, prompts);
        int length = PromptLength = prompts.Length;
        int[] ids = [.. prompts.Ids.ToInt64Array().Select(static id => checked((int)id))];
        _tokens = [.. Enumerable.Range(0, prompts.Batch).Select(b => new List<int>(ids.AsSpan(b * length, length).ToArray()))];
        _starts = prompts.SeqStartPos is { } starts ? [.. starts.ToInt64Array().Select(static s => (int)s)] : null;
        if (options.CacheKv && net.WhyNotCached is null)
            _cache = new KeyValueCache(capacity + net.Options.MemoryTokens + prompts.Prefix, options.CacheDType);
    }

    /// <summary>How many tokens the prompts have.</summary>
    public int PromptLength { get; }

    /// <summary>How many sequences there are.</summary>
    public int Batch => _tokens.Length;

    /// <summary>How many tokens each has, the prompt's included.</summary>
    public int Length => _tokens[0].Count;

    /// <summary>The tokens of a sequence, without padding before it.</summary>
    public ReadOnlySpan<int> Tokens(int row)
    {
        int start = _starts is null ? 0 : _starts[row];
        return System.Runtime.InteropServices.CollectionsMarshal.AsSpan(_tokens[row])[start..];
    }

    /// <summary>The logits after each of the last tokens, in the host's memory: [batch, last, logits].</summary>
    /// <param name="last">How many; no more than have come since the last call, at the first call than the prompt has.</param>
    public float[] Logits(int last = 1)
    {
        using StepScope scope = _net.Device.BeginStep();
        using StepScope pause = _net.Device.NoGradient();
        int done = _cache is null ? 0 : _cache.Length - _cache.Leading;
        bool isFirst = done == 0;
        int count = Length - done;
        var ids = new int[Batch * count];
        for (int b = 0; b < Batch; b++)
            _tokens[b].CopyTo(done, ids, b * count, count);
        TokenInputs inputs = _prompts with
        {
            Ids = Tensor.From(_net.Device, [Batch, count], ids),
            Cache = _cache,
            PrependEmbeds = isFirst ? _prompts.PrependEmbeds : null,
            PrependMask = isFirst ? _prompts.PrependMask : null,
        };
        return _net.LastLogits(inputs, last).ToArray();
    }

    /// <summary>Puts a token behind each sequence.</summary>
    public void Append(ReadOnlySpan<int> tokens)
    {
        for (int b = 0; b < tokens.Length; b++)
            _tokens[b].Add(tokens[b]);
    }

    /// <summary>Takes the last tokens away, so that so many stay.</summary>
    public void Truncate(int length)
    {
        foreach (List<int> row in _tokens)
            row.RemoveRange(length, row.Count - length);
        if (_cache is not null && _cache.Length - _cache.Leading > length)
            _cache.Truncate(length + _cache.Leading);
    }

    /// <summary>Makes sequence i a copy of what sequence <paramref name="rows"/>[i] was.</summary>
    public void Select(int[] rows)
    {
        _tokens = [.. rows.Select(row => new List<int>(_tokens[row]))];
        _starts = _starts is null ? null : [.. rows.Select(row => _starts[row])];
        if (_cache is { Batch: > 0 })
            _cache.Select(rows);
        if (rows.Length == _prompts.Batch && rows.Select(static (row, i) => row == i).All(static same => same))
            return;

        // What goes with the prompts goes with the copies. It must outlive every step, so it is made outside of them.
        Tensor index = Tensor.From(_net.Device, [rows.Length], rows);
        Tensor? Pick(Tensor? tensor) => tensor is null ? null : Operators.IndexSelect(tensor, 0, index);
        _prompts = _prompts with
        {
            Ids = Pick(_prompts.Ids)!,
            Context = Pick(_prompts.Context),
            ContextMask = Pick(_prompts.ContextMask),
            SeqStartPos = Pick(_prompts.SeqStartPos),
            PrependEmbeds = Pick(_prompts.PrependEmbeds),
            PrependMask = Pick(_prompts.PrependMask),
        };
    }

    public void Dispose() => _cache?.Dispose();
}
