using System.Security.Cryptography;
using GpuTransformer.Cli.Verification;

namespace GpuTransformer.Tests;

[TestClass]
public sealed class Sha256Tests
{
    [TestMethod]
    public void The_hash_is_the_frameworks_for_every_length()
    {
        var bytes = new byte[3 * 65536 + 1];
        new Random(5).NextBytes(bytes);
        foreach (int length in Enumerable.Range(0, 200).Concat([65535, 65536, 65537, 65536 + 55, 65536 + 56, 2 * 65536, bytes.Length]))
        {
            using var stream = new MemoryStream(bytes, 0, length);
            Assert.AreEqual(Convert.ToHexStringLower(SHA256.HashData(bytes.AsSpan(0, length))), Sha256.HashHex(stream), $"{length} bytes");
        }
    }

    [TestMethod]
    public void Nothing_that_is_shipped_needs_openssl()
    {
        string[] users =
        [
            .. from folder in new[] { "Kernels", "Host", "Modules", "tools" }
               from file in RepositoryFiles.Sources(folder)
               where File.ReadLines(RepositoryFiles.PathOf(file)).Any(static l => l.StartsWith("using System.Security.Cryptography", StringComparison.Ordinal))
               select file,
        ];
        Assert.IsEmpty(users, string.Join(", ", users));
    }
}
