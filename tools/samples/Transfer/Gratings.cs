namespace GpuTransformer.Samples;

/// <summary>16 × 16 pictures of waves in one of eight directions, under as much noise as signal, in 4 × 4 patches.</summary>
internal static class Gratings
{
    public const int Grid = 4, Patch = 4, Patches = Grid * Grid, PatchDim = Patch * Patch, Directions = 8;

    private const int Size = Grid * Patch;

    /// <summary>The patches [count, 16, 16] and the direction of each picture.</summary>
    public static (float[] Patches, int[] Directions) Draw(int count, int seed)
    {
        var random = new Random(seed);
        var patches = new float[count * Size * Size];
        var directions = new int[count];
        for (int i = 0; i < count; i++)
        {
            directions[i] = random.Next(Directions);
            double angle = Math.PI * directions[i] / Directions, phase = Math.Tau * random.NextDouble(), wave = Math.Tau / (5 + 3 * random.NextDouble());
            for (int y = 0; y < Size; y++)
            {
                for (int x = 0; x < Size; x++)
                {
                    double signal = Math.Sqrt(2) * Math.Cos(wave * (x * Math.Cos(angle) + y * Math.Sin(angle)) + phase);
                    double noise = Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(Math.Tau * random.NextDouble());
                    int patch = y / Patch * Grid + x / Patch;
                    patches[((i * Patches + patch) * Patch + y % Patch) * Patch + x % Patch] = (float)(signal + noise);
                }
            }
        }

        return (patches, directions);
    }
}
