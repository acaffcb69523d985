using GpuTransformer.Host;

namespace GpuTransformer.Cli.Train.Recall;

/// <summary>Contexts of pairs whose keys differ, and every key asked for, in another order.</summary>
internal sealed record RecallBatch(int Count, int Pairs, int[] Keys, int[] Values, int[] Asked, int[] Answers)
{
    public static RecallBatch Draw(RecallSettings settings, long step, int count)
    {
        int pairs = settings.Pairs;
        int[] keys = new int[count * pairs], values = new int[count * pairs], asked = new int[count * pairs], answers = new int[count * pairs];
        for (int i = 0; i < count; i++)
        {
            Random random = DrawSeed.Random(settings.Seed, step, i);
            int[] all = [.. Enumerable.Range(0, settings.Keys)], order = [.. Enumerable.Range(0, pairs)];
            random.Shuffle(all);
            random.Shuffle(order);
            for (int p = 0; p < pairs; p++)
                (keys[i * pairs + p], values[i * pairs + p]) = (all[p], random.Next(settings.Values));
            for (int p = 0; p < pairs; p++)
                (asked[i * pairs + p], answers[i * pairs + p]) = (keys[i * pairs + order[p]], values[i * pairs + order[p]]);
        }

        return new RecallBatch(count, pairs, keys, values, asked, answers);
    }

    /// <summary>The scores that a model gives for the answers.</summary>
    public Tensor Ask(RecallModel model)
        => model.Forward(Upload(model, Asked), Upload(model, Keys), Upload(model, Values));

    /// <summary>
    /// As <see cref="Ask"/>, with further pairs after those of each context, hidden by the mask: keys that are asked for among them, with values of their own.
    /// </summary>
    public Tensor AskPadded(RecallModel model, RecallSettings settings, int padding, bool hidden = true)
    {
        int length = Pairs + padding;
        int[] keys = new int[Count * length], values = new int[Count * length];
        var mask = new bool[Count * length];
        var random = new Random(padding);
        for (int i = 0; i < keys.Length; i++)
        {
            int pair = i % length;
            mask[i] = pair < Pairs || !hidden;
            (keys[i], values[i]) = pair < Pairs
                ? (Keys[i / length * Pairs + pair], Values[i / length * Pairs + pair])
                : (random.Next(settings.Keys), random.Next(settings.Values));
        }

        Shape shape = [Count, length];
        return model.Forward(
            Upload(model, Asked), Tensor.From(model.Device, shape, keys), Tensor.From(model.Device, shape, values), Tensor.From(model.Device, shape, mask));
    }

    /// <summary>What the answers are to be compared with, on the model's device.</summary>
    public Tensor UploadAnswers(RecallModel model) => Upload(model, Answers);

    private Tensor Upload(RecallModel model, int[] numbers) => Tensor.From(model.Device, [Count, Pairs], numbers);
}
