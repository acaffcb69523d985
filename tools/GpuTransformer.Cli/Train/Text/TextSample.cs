using System.Text;
using GpuTransformer.Host;
using GpuTransformer.Modules;

namespace GpuTransformer.Cli.Train.Text;

/// <summary>What a model writes after a beginning.</summary>
internal static class TextSample
{
    /// <summary>
    /// Writes <paramref name="count"/> bytes. A model has learned windows of one length, so a longer sample is written in parts, each of which sees the end of
    /// what is there.
    /// </summary>
    public static byte[] Write(AutoregressiveWrapper model, ReadOnlySpan<byte> prompt, int count, TextSettings settings)
    {
        var written = new List<byte>(prompt.Length + count);
        written.AddRange(prompt);
        int most = Math.Max(1, settings.Length / 2), part = 0;
        while (written.Count < prompt.Length + count)
        {
            int seen = Math.Min(written.Count, settings.Length - most), next = Math.Min(most, prompt.Length + count - written.Count);
            int[] ids = [.. written.Skip(written.Count - seen).Select(static b => (int)b)];
            var options = new GenerationOptions { Temperature = (float)settings.Temperature, TopK = TextModel.Bytes, Seed = settings.Seed + part++ };
            using StepScope scope = model.Device.BeginStep();
            foreach (long id in model.Generate(Tensor.From(model.Device, [1, seen], ids), next, options).ToInt64Array())
                written.Add((byte)id);
        }

        return [.. written.Skip(prompt.Length)];
    }

    /// <summary>A printable sample among other lines.</summary>
    public static string Shown(string sample) => $"  it writes: {sample.Replace("\n", "\n    ", StringComparison.Ordinal)}";

    /// <summary>As a terminal can show it: what is no UTF-8 and what would move the cursor is replaced, lines stay lines.</summary>
    public static string Printable(ReadOnlySpan<byte> text)
    {
        var shown = new StringBuilder();
        foreach (Rune rune in Encoding.UTF8.GetString(text).EnumerateRunes())
        {
            if (rune.Value is '\n' or '\t' || !Rune.IsControl(rune))
                shown.Append(rune);
            else if (rune.Value != '\r')
                shown.Append('\uFFFD');
        }

        return shown.ToString();
    }
}
