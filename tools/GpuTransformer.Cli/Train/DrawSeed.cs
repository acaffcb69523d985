namespace GpuTransformer.Cli.Train;

/// <summary>The seed of the generator of one example. It depends on (seed, step, example), so neither resuming nor threads change what is drawn.</summary>
internal static class DrawSeed
{
    /// <summary>Evaluation draws from steps that training never reaches.</summary>
    public const long FirstEvaluationStep = 1L << 40;

    /// <summary>A generator for one example.</summary>
    public static Random Random(int seed, long step, int example) => new(Mix(seed, step, example));

    // SplitMix64's finaliser: neighbouring steps and examples give unrelated generators.
    private static int Mix(int seed, long step, int example)
    {
        ulong z = (ulong)seed * 0x9E3779B97F4A7C15 + (ulong)step * 0xBF58476D1CE4E5B9 + (ulong)(uint)example * 0x94D049BB133111EB;
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
        return (int)((z ^ (z >> 31)) & 0x7fffffff);
    }
}
