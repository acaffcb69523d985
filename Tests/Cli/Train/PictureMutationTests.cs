using System.Globalization;

namespace GpuTransformer.Tests.Cli.Train;

/// <summary>Damaged pictures by the thousand. GPUTRANSFORMER_MUTATIONS=100000 tries so many of each format; the tests' own runs are shorter.</summary>
[TestClass]
public sealed class PictureMutationTests
{
    private static readonly int s_count = int.Parse(Environment.GetEnvironmentVariable("GPUTRANSFORMER_MUTATIONS") ?? "1000", CultureInfo.InvariantCulture);

    public required TestContext TestContext { get; init; }

    [TestMethod]
    [DataRow("png")]
    [DataRow("jpg")]
    [DataRow("bmp")]
    public void A_damaged_picture_is_an_error_or_a_picture_and_takes_little_memory(string extension)
    {
        using var mutation = new PictureMutation(extension, seed: 1);
        mutation.Run(s_count);
        TestContext.WriteLine(mutation.ToString());
        Assert.AreEqual(s_count, mutation.Pictures + mutation.Refused);
        Assert.IsGreaterThan(s_count / 50, mutation.Pictures, "Hardly anything is decoded.");
        Assert.IsGreaterThan(s_count / 50, mutation.Refused, "Hardly anything is refused.");
        Assert.IsLessThanOrEqualTo(64_000_000, mutation.MostBytesBeyond, mutation.ToString());
    }
}
