using System.Text;
using GpuTransformer.Modules;

namespace GpuTransformer.Tests.Modules.Checkpoints;

/// <summary>A file of another format is told for what it is, with what to do about it.</summary>
[TestClass]
public sealed class OtherFormatsTests
{
    private readonly string _folder = Directory.CreateTempSubdirectory("formats").FullName;

    [TestCleanup]
    public void Remove() => Directory.Delete(_folder, recursive: true);

    // Latin1: each character is a byte.
    [TestMethod]
    [DataRow("model.pt", "PK\u0003\u0004\0\0\b\b\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\u0010\0\u0012\0archive/data.pklFB\u000e\0ZZ", "PyTorch checkpoint",
        "torch.load(", "model.safetensors')")]
    [DataRow("old.pth", "\u0080\u0002\u008a\nl\u00fc\u009cF\u00f9 j\u00a8P\u0019.", "Python pickle", "torch.load(", "weights_only=True")]
    [DataRow("a.npz", "PK\u0003\u0004\u0014\0\0\0\0\0\0\0!\0\0\0\0\0\0\0\0\0\0\0\0\0\u0005\0\0\0x.npy", "arrays of NumPy", "numpy.load(", "a.safetensors')")]
    [DataRow("a.npy", "\u0093NUMPY\u0001\0v\0{'descr': '<f4'}", "array of NumPy", "numpy.load(", "import numpy")]
    [DataRow("a.zip", "PK\u0003\u0004\u0014\0\0\0\b\0readme.txt", "zip archive", "unpack it", "torch.load(")]
    [DataRow("a.gguf", "GGUF\u0003\0\0\0\u0001\0\0\0", "GGUF", "llama.cpp", "safetensors")]
    [DataRow("a.h5", "\u0089HDF\r\n\u001a\n\0\0\0", "HDF5", "h5py", "save_file")]
    [DataRow("a.gz", "\u001f\u008b\b\0\0\0\0\0\0\u0003", "gzip", "unpack", "gunzip")]
    [DataRow("a.xz", "\u00fd7zXZ\0\0\u0004", "xz", "unpack", "unxz")]
    [DataRow("a.zst", "(\u00b5/\u00fd\u0004\0\0\0\0", "Zstandard", "unpack", "unzstd")]
    [DataRow("a.bz2", "BZh91AY&SY", "bzip2", "unpack", "bunzip2")]
    [DataRow("lfs.safetensors", "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 12\n", "Git LFS", "git lfs pull", "was not fetched")]
    [DataRow("web.safetensors", "\n<!DOCTYPE html><html><head>", "web page", "download", "instead of the file")]
    [DataRow("web2.safetensors", "<html lang=en>", "web page", "download", "login")]
    [DataRow("model.safetensors.index.json", "{\"metadata\": {}, \"weight_map\": {}}", "in several files", "index", "load the files")]
    [DataRow("a.json", "{\"class\": \"Encoder\"}", "JSON", "another file", "no safetensors")]
    [DataRow("empty.safetensors", "", "is empty", "empty.safetensors", "'")]
    public void It_is_named_with_what_to_do(string name, string bytes, string what, string todo, string more)
    {
        string path = Path.Combine(_folder, name);
        File.WriteAllBytes(path, Encoding.Latin1.GetBytes(bytes));
        string message = Assert.ThrowsExactly<CheckpointException>(() => SafetensorsReader.Open(path)).Message;
        Assert.Contains(path, message);
        Assert.Contains(what, message);
        Assert.Contains(todo, message);
        Assert.Contains(more, message);
        Assert.DoesNotContain("claims a header", message);
    }

    [TestMethod]
    public void A_tar_archive_is_known_by_its_257th_byte()
    {
        string path = Path.Combine(_folder, "a.tar");
        byte[] bytes = new byte[1024];
        Encoding.ASCII.GetBytes("model.safetensors").CopyTo(bytes, 0);
        Encoding.ASCII.GetBytes("ustar").CopyTo(bytes, 257);
        File.WriteAllBytes(path, bytes);
        Assert.Contains("tar archive", Assert.ThrowsExactly<CheckpointException>(() => SafetensorsReader.Open(path)).Message);
    }

    [TestMethod]
    public void What_is_nothing_known_is_told_by_its_numbers()
    {
        string path = Path.Combine(_folder, "noise");
        File.WriteAllBytes(path, [.. Enumerable.Repeat((byte)7, 64)]);
        Assert.Contains("claims a header", Assert.ThrowsExactly<CheckpointException>(() => SafetensorsReader.Open(path)).Message);
    }
}
