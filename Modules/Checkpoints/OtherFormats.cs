using System.Text;

namespace GpuTransformer.Modules;

/// <summary>What a file is that is no safetensors file, by its first bytes, and how to make one of it.</summary>
internal static class OtherFormats
{
    /// <summary>How many of the first bytes are looked at.</summary>
    public const int Needed = 512;

    /// <summary>What to tell about a file that begins with <paramref name="start"/>; null if it is nothing that is known here.</summary>
    public static string? Recognise(string path, ReadOnlySpan<byte> start)
    {
        if (start.IsEmpty)
            return $"'{path}' is empty.";
        string text = Encoding.Latin1.GetString(start);
        if (text.StartsWith("PK\x03\x04", StringComparison.Ordinal))
            return Zip(path, text);
        if (start[0] == 0x80 && start.Length > 1 && start[1] is >= 2 and <= 5)
            return $"'{path}' is no safetensors file but a Python pickle, as PyTorch before 1.6 wrote checkpoints.\n{FromPyTorch(path)}";
        if (text.StartsWith("\x93NUMPY", StringComparison.Ordinal))
            return $"'{path}' is no safetensors file but an array of NumPy (.npy).\n"
                + Recipe($"import numpy, safetensors.numpy\nsafetensors.numpy.save_file({{'x': numpy.load({Quote(path)})}}, {Quote(Target(path))})");
        return Plain(text) is { } what ? $"'{path}' is no safetensors file but {what}." : null;
    }

    private static string? Plain(string text) => text switch
    {
        _ when Begins(text, "GGUF") => "a GGUF file of llama.cpp, mostly with quantised weights; take the original checkpoint of the model, as safetensors",
        _ when Begins(text, "\x89HDF") => "an HDF5 file, as Keras writes weights; load it with h5py and save its arrays with safetensors.numpy.save_file",
        _ when Begins(
            text, "version https://git-lfs") => "a pointer of Git LFS to one that was not fetched; `git lfs pull` in its repository brings the file itself",
        _ when Begins(text, "\x1f\x8b") => "compressed with gzip; unpack it first (gunzip)",
        _ when Begins(text, "\u00fd7zXZ") => "compressed with xz; unpack it first (unxz)",
        _ when Begins(text, "\x28\xb5\x2f\xfd") => "compressed with Zstandard; unpack it first (unzstd)",
        _ when Begins(text, "BZh") => "compressed with bzip2; unpack it first (bunzip2)",
        _ when text.Length > 262 && text.AsSpan(257, 5).SequenceEqual("ustar") => "a tar archive; unpack it first (tar xf)",
        _ when text.AsSpan().TrimStart().StartsWith("<!doctype html", StringComparison.OrdinalIgnoreCase)
            || text.AsSpan().TrimStart().StartsWith("<html", StringComparison.OrdinalIgnoreCase)
            => "a web page: the download gave an error or a login instead of the file",
        _ when text.Contains(
            "\"weight_map\"",
            StringComparison.Ordinal) => "the index of a checkpoint in several files (model.safetensors.index.json); load the files that it names",
        _ when text.AsSpan().TrimStart().StartsWith("{") => "JSON; the tensors are in another file",
        _ => null,
    };

    private static string Zip(string path, string text)
    {
        if (text.Contains("data.pkl", StringComparison.Ordinal) || text.Contains(".format_version", StringComparison.Ordinal)
            || text.Contains("/byteorder", StringComparison.Ordinal))
            return $"'{path}' is no safetensors file but a PyTorch checkpoint (a zip archive with a pickle).\n{FromPyTorch(path)}";
        if (text.Contains(".npy", StringComparison.Ordinal))
            return $"'{path}' is no safetensors file but arrays of NumPy "
                + $"(.npz).\n{Recipe($"import numpy, safetensors.numpy\nsafetensors.numpy.save_file(dict(numpy.load({Quote(path)})), {Quote(Target(path))})")}";
        return $"'{path}' is no safetensors file but a zip archive; unpack it first, or if PyTorch wrote it, convert it.\n{FromPyTorch(path)}";
    }

    // Cloned, because safetensors refuses tensors that share memory, as tied ones do.
    private static string FromPyTorch(string path) => Recipe(
        "import torch, safetensors.torch\n"
        + $"safetensors.torch.save_file({{k: v.clone() for k, v in torch.load({Quote(path)}, map_location='cpu', weights_only=True).items()}}, "
        + $"{Quote(Target(path))})")
        + "\nWhere the parameters are under a key of their own, put ['model'], ['state_dict'] or what it is called before .items().";

    private static string Recipe(string lines) => $"Convert it with Python:\n  {lines.Replace("\n", "\n  ", StringComparison.Ordinal)}";

    private static string Target(string path) => Path.ChangeExtension(path, ".safetensors");

    private static string Quote(string path) => $"'{path.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("'", "\\'", StringComparison.Ordinal)}'";

    private static bool Begins(string text, string magic) => text.StartsWith(magic, StringComparison.Ordinal);
}
