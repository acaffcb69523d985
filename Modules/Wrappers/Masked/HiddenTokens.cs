namespace GpuTransformer.Modules;

/// <summary>Which tokens of a batch are to be guessed, and what the model reads in their place; drawn on the host.</summary>
/// <param name="Mask">[batch · sequence]: which are to be guessed.</param>
/// <param name="Ids">[batch · sequence]: what the model reads.</param>
/// <param name="Times">[batch]: the time that was drawn for each sequence, and so how many of its tokens are hidden.</param>
internal sealed record HiddenTokens(bool[] Mask, int[] Ids, double[] Times)
{
    /// <param name="ids">[batch · sequence]</param>
    /// <param name="length">Of a sequence.</param>
    /// <param name="tokens">How many there are to replace by.</param>
    /// <param name="options">How much is hidden, and how.</param>
    /// <param name="uniform">Numbers from 0 to below 1.</param>
    public static HiddenTokens Draw(long[] ids, int length, int tokens, NonAutoregressiveWrapperOptions options, Func<float> uniform)
    {
        double[] times = [.. Enumerable.Range(0, ids.Length / length).Select(_ => (double)uniform())];
        bool[] all = [.. Enumerable.Repeat(true, ids.Length)];
        bool[] mask = Subset(all, length, (row, _) => Math.Max(1, options.Hidden(times[row]) * length), uniform), replaced = [.. mask];
        int[] read = Array.ConvertAll(ids, static id => checked((int)id));
        double left = 1;
        if (options.NoReplaceProb > 0 && uniform() < 0.5f)
        {
            left -= options.NoReplaceProb;
            Remove(Subset(mask, length, (_, count) => count * options.NoReplaceProb, uniform));
        }

        if (options.RandomTokenProb > 0 && uniform() < 0.5f)
        {
            bool[] random = Subset(replaced, length, (_, count) => count * options.RandomTokenProb * left, uniform);
            for (int i = 0; i < read.Length; i++)
                read[i] = random[i] ? Math.Min(tokens - 1, (int)(uniform() * tokens)) : read[i];
            Remove(random);
        }

        for (int i = 0; i < read.Length; i++)
            read[i] = replaced[i] ? options.MaskId : read[i];
        return new HiddenTokens(mask, read, times);

        void Remove(bool[] taken)
        {
            for (int i = 0; i < replaced.Length; i++)
                replaced[i] &= !taken[i];
        }
    }

    // Of each sequence's flags as many at random as the row's number says, rounded up.
    private static bool[] Subset(bool[] flags, int length, Func<int, int, double> number, Func<float> uniform)
    {
        var subset = new bool[flags.Length];
        for (int row = 0; row < flags.Length / length; row++)
        {
            int[] places = [.. Enumerable.Range(row * length, length).Where(i => flags[i])];
            int count = Math.Min(places.Length, (int)Math.Ceiling(number(row, places.Length)));
            for (int i = 0; i < count; i++)
            {
                int other = Math.Min(places.Length - 1, i + (int)(uniform() * (places.Length - i)));
                (places[i], places[other]) = (places[other], places[i]);
                subset[places[i]] = true;
            }
        }

        return subset;
    }
}
