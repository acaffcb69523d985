namespace GpuTransformer.Samples;

/// <summary>A batch of pictures with a question about each, and the answer.</summary>
/// <param name="Patches">[batch, 16, 192]: 32 × 32 RGB pictures in 8 × 8 patches.</param>
/// <param name="Questions">[batch, 2]: words.</param>
/// <param name="Answers">[batch]: words of <see cref="Scenes.Answers"/>.</param>
internal sealed record SceneBatch(float[] Patches, int[] Questions, int[] Answers);

/// <summary>
/// Pictures of a 4 × 4 board on which four things lie, of different colours and shapes, and questions about them: "shape-of red", "colour-of disc".
/// </summary>
internal static class Scenes
{
    public const int Board = 4, Cell = 8, PatchDim = Cell * Cell * 3, Things = 4;

    public static readonly string[] Shapes = ["square", "disc", "cross", "triangle"];
    public static readonly string[] Colours = ["red", "green", "blue", "yellow", "pink", "cyan"];
    public static readonly string[] Answers = [.. Shapes, .. Colours];
    public static readonly string[] Words = ["shape-of", "colour-of", .. Shapes, .. Colours];

    private static readonly float[][] s_rgb = [[1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 1, 0], [1, 0, 1], [0, 1, 1]];

    public static SceneBatch Draw(int batch, int seed)
    {
        var random = new Random(seed);
        var drawn = new SceneBatch(new float[batch * Board * Board * PatchDim], new int[batch * 2], new int[batch]);
        Span<int> cells = stackalloc int[Board * Board], shapes = stackalloc int[Shapes.Length], colours = stackalloc int[Colours.Length];
        Count(cells);
        Count(shapes);
        Count(colours);
        for (int b = 0; b < batch; b++)
        {
            random.Shuffle(cells);
            random.Shuffle(shapes);
            random.Shuffle(colours);
            Span<float> picture = drawn.Patches.AsSpan(b * Board * Board * PatchDim, Board * Board * PatchDim);
            for (int i = 0; i < picture.Length; i++)
                picture[i] = 0.5f * random.NextSingle() - 0.25f;
            for (int thing = 0; thing < Things; thing++)
                Paint(picture.Slice(cells[thing] * PatchDim, PatchDim), shapes[thing], s_rgb[colours[thing]]);
            drawn.Answers[b] = Ask(random, shapes, colours, drawn.Questions.AsSpan(2 * b, 2));
        }

        return drawn;
    }

    private static int Ask(Random random, ReadOnlySpan<int> shapes, ReadOnlySpan<int> colours, Span<int> question)
    {
        int thing = random.Next(Things), kind = random.Next(2);
        question[0] = kind;
        if (kind == 0)
        {
            question[1] = Word(Colours[colours[thing]]);
            return shapes[thing];
        }

        question[1] = Word(Shapes[shapes[thing]]);
        return Shapes.Length + colours[thing];
    }

    private static void Paint(Span<float> patch, int shape, float[] rgb)
    {
        for (int y = 0; y < Cell; y++)
        {
            for (int x = 0; x < Cell; x++)
            {
                double dx = x - 3.5, dy = y - 3.5;
                bool inside = shape switch
                {
                    0 => Math.Max(Math.Abs(dx), Math.Abs(dy)) < 3,
                    1 => dx * dx + dy * dy < 10,
                    2 => Math.Min(Math.Abs(dx), Math.Abs(dy)) < 1,
                    _ => Math.Abs(dx) < (y + 1) / 2.0,
                };
                for (int c = 0; inside && c < 3; c++)
                    patch[(y * Cell + x) * 3 + c] += 3 * rgb[c];
            }
        }
    }

    private static int Word(string word) => Array.IndexOf(Words, word);

    private static void Count(Span<int> numbers)
    {
        for (int i = 0; i < numbers.Length; i++)
            numbers[i] = i;
    }
}
