using GpuTransformer.Host;

namespace GpuTransformer.Modules;

/// <summary>
/// Multi-head attention, self or cross, without norm and residual: queries from x, keys and values from the context where there is one, else from x. In stages:
/// project, prepare the heads, attend, finish the heads, project back; an option is one stage. Keys: <c>to_q</c>, <c>to_k</c>, <c>to_v</c>, <c>to_out</c>
/// <c>.weight</c>, and those that options add.
/// </summary>
public sealed class Attention : Branch
{
    private readonly HeadProjection _project;
    private readonly IHeadsStage[] _prepare;
    private readonly IScoresStage[] _scores;
    private readonly Attend _attend;
    private readonly IMergedStage[] _finish;
    private readonly OutputProjection _output;

    /// <summary>An attention with x-transformers' initialisation.</summary>
    /// <exception cref="ArgumentException">The options contradict each other; the message names them.</exception>
    public Attention(AttentionOptions options, ComputeDevice device, int seed = 0, DType dtype = DType.Float32)
        : this(options, new ParameterInitializer(device, seed, dtype))
    {
    }

    /// <summary>As the other constructor, with parameters from <paramref name="initializer"/>: for a module that it is inside of.</summary>
    public Attention(AttentionOptions options, ParameterInitializer initializer)
        : base(initializer)
    {
        using StepScope construction = Device.BeginConstruction();
        ArgumentNullException.ThrowIfNull(options);
        options.Validate();
        Options = options;

        // The order here is that of the random numbers; the order in the arrays is that of the computation.
        QkNorm? norm = QkNorm.Of(this, initializer);
        MemoryKeyValues? memory = MemoryKeyValues.Of(this, norm?.Key, initializer);
        _project = new HeadProjection(this, initializer);
        Laser? laser = Laser.Of(this);
        IHeadsStage?[] prepare =
        [
            ValueResidual.Of(this, initializer), norm, HeadRmsNorms.Of(this, initializer), new HeadRotation(options.RotatedHeads), new PolarHeads(), memory,
            ForgettingColumns.Of(this, initializer), laser,
        ];
        IScoresStage?[] scores = [ForgettingBias.Of(this, initializer), ForgettingRows.Of(this, initializer), RelativeProjection.Of(this, initializer)];
        _attend = Own("attend", new Attend(new AttendOptions(options) { Heads = options.QueryHeads, Cope = options.CopeOf }, initializer));
        HeadGates? gates = HeadGates.Of(this, initializer);
        IMergedStage?[] finish =
        [
            laser, HeadScale.Of(this, initializer), ValueHeadGate.Of(this, initializer), new OutputDelta(), gates, OrthogonalValues.Of(this),
        ];
        _output = OutputProjection.Of(this, initializer);
        _prepare = [.. prepare.OfType<IHeadsStage>()];
        _scores = [.. scores.OfType<IScoresStage>()];
        _finish = [.. finish.OfType<IMergedStage>()];
        construction.Complete();
    }

    /// <summary>What it is.</summary>
    public AttentionOptions Options { get; }

    /// <summary>Whether attention is one operator that never has the scores in memory; see <see cref="AttentionCoreOptions"/>.</summary>
    public bool IsFused => _attend.IsFused;

    internal override bool FusesResidual => true;

    /// <summary>Applies attention. Masks are bool, true to keep; a query that sees no key gives exactly zero before the output projection.</summary>
    /// <param name="x">[batch, queries, dim]</param>
    /// <param name="context">[batch, keys, dimContext], or null for self-attention</param>
    /// <param name="mask">bool [batch, queries]: output is zero where false; in self-attention also the key mask, unless contextMask is given.</param>
    /// <param name="contextMask">bool [batch, keys]: the key mask.</param>
    /// <param name="attnMask">bool [queries, keys], [heads, queries, keys] or [batch, heads, queries, keys]</param>
    /// <param name="attnBias">Real, in the same shapes: added to the scaled scores.</param>
    /// <returns>[batch, queries, dimOut]</returns>
    /// <exception cref="ArgumentException">A shape, data type or device does not fit; nothing was launched.</exception>
    public Tensor Forward(Tensor x, Tensor? context = null, Tensor? mask = null, Tensor? contextMask = null, Tensor? attnMask = null, Tensor? attnBias = null)
        => Forward(x, new AttentionInputs
        {
            Context = context, Mask = mask, ContextMask = contextMask, AttnMask = attnMask, AttnBias = attnBias,
        });

    /// <summary>Applies attention to everything that can go with one call; a query that sees no key gives exactly zero before the output projection.</summary>
    /// <param name="x">[batch, queries, dim]</param>
    /// <param name="inputs">What goes with it.</param>
    /// <returns>[batch, queries, dimOut]</returns>
    /// <exception cref="ArgumentException">A shape, data type or device does not fit; nothing was launched.</exception>
    public Tensor Forward(Tensor x, AttentionInputs inputs)
    {
        ArgumentNullException.ThrowIfNull(inputs);
        using InferenceScope scope = InferenceScope.Begin(Device);
        BranchInputs branch = AttentionCall.Check(this, x, inputs);
        return scope.Keep(Run(Computed(x), branch with { Source = Computed(branch.Source) }, null));
    }

    /// <inheritdoc/>
    public override Tensor Invoke(CallArguments arguments)
    {
        ArgumentNullException.ThrowIfNull(arguments);
        Tensor x = arguments.Required("x");
        var inputs = AttentionInputs.From(arguments);
        arguments.CheckAllUsed(nameof(Attention));
        return Forward(x, inputs);
    }

    internal override Tensor Run(Tensor x, BranchInputs inputs, Tensor? residual)
    {
        Tensor keySource = inputs.Views?.Key ?? inputs.Source ?? x, valueSource = inputs.Views?.Value ?? keySource;
        if (inputs.Memory is { } memory)
        {
            bool isOne = ReferenceEquals(keySource, valueSource);
            keySource = Operators.Concatenate(memory.Like(keySource), keySource);
            valueSource = isOne ? keySource : Operators.Concatenate(memory.Like(valueSource), valueSource);
        }

        Heads heads = _project.Project(x, keySource, valueSource, inputs.Deltas) with
        {
            Cached = inputs.Cache?.Rows ?? 0, CachedFree = inputs.Cache?.FreeRows ?? 0,
        };
        var pass = new AttentionPass(x, inputs, heads.Value);
        inputs.Trace?.Add(heads.Value);
        foreach (IHeadsStage stage in _prepare)
            heads = stage.Prepare(heads, pass);
        ScoreOptions scores = Scores(inputs);
        foreach (IScoresStage stage in _scores)
            scores = stage.Prepare(scores, heads, pass);
        Tensor merged = _attend.Run(heads, scores, inputs);
        foreach (IMergedStage stage in _finish)
            merged = stage.Finish(merged, pass);
        return _output.Forward(merged, inputs.QueryMask, residual);
    }

    private ScoreOptions Scores(BranchInputs inputs)
    {
        ScoreOptions scores = inputs.Scores! with { Window = Options.MaxAttendPast };

        // Keys choose among queries, so those that are not there must be none of the choice.
        return Options.InvertedAttention && inputs.QueryMask is { } mask
            ? scores with { Mask = ScoreRules.And(scores.Mask, mask.Reshape([mask.Shape[0], 1, mask.Shape[1], 1])) }
            : scores;
    }

    /// <summary>Takes a stage's parameter.</summary>
    internal Tensor Own(string name, Tensor parameter) => AddParameter(name, parameter);

    /// <summary>Takes a stage's module.</summary>
    internal TModule Own<TModule>(string name, TModule child)
        where TModule : Module
        => AddChild(name, child);

    /// <summary>Takes a stage's table of row numbers: int32 [1, count].</summary>
    internal Tensor Own(int[] rows)
    {
        Tensor table = AddConstant(Tensor.Persistent(Device, [1, rows.Length], DType.Int32));
        table.Write(rows);
        return table;
    }
}
