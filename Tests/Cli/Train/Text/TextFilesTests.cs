using System.Text;
using GpuTransformer.Cli;
using GpuTransformer.Cli.Train.Text;

namespace GpuTransformer.Tests.Cli.Train.Text;

[TestClass]
public sealed class TextFilesTests : IDisposable
{
    private readonly TrainingFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [TestMethod]
    public void A_folder_is_read_in_the_order_of_its_paths_whatever_the_order_of_writing()
    {
        Write("z.md", "last");
        Write("b/x.txt", "second ");
        Write("a.cs", "first ");
        Write("b/a/y.MD", "(b/a before b/x) ");
        Write("picture.png", "not asked for");
        TextFiles files = TextFiles.Read(_folder["text"], TextFiles.UsualPattern);
        CollectionAssert.AreEqual(new[] { "a.cs", "b/a/y.MD", "b/x.txt", "z.md" }, files.Files.ToArray());
        Assert.AreEqual("first (b/a before b/x) second last", Encoding.UTF8.GetString(files.Bytes));
        Assert.IsEmpty(files.Skipped);
    }

    [TestMethod]
    public void What_was_built_and_what_is_hidden_is_passed_over()
    {
        foreach (string name in new[] { "bin/a.md", "obj/a.md", "node_modules/a.md", ".git/a.md", "src/bin/a.md" })
            Write(name, "not to be read");
        Write("src/binary.md", "read");
        Assert.AreEqual("src/binary.md", TextFiles.Read(_folder["text"], "*.md").Files.Single());
    }

    [TestMethod]
    public void The_pattern_chooses_and_one_file_is_read_whatever_its_name()
    {
        Write("a.md", "a");
        Write("notes.log", "n");
        Write("chapter-1", "c");
        CollectionAssert.AreEqual(new[] { "chapter-1", "notes.log" }, TextFiles.Read(_folder["text"], "chapter-?; *.log").Files.ToArray());
        Assert.AreEqual((byte)'n', TextFiles.Read(_folder["text", "notes.log"], "*.md").Bytes.Single());
    }

    [TestMethod]
    public void A_binary_file_is_skipped_and_named()
    {
        Write("a.md", "text");
        Write("b.md", "te\0xt");
        TextFiles files = TextFiles.Read(_folder["text"], "*.md");
        Assert.AreEqual("text", Encoding.UTF8.GetString(files.Bytes));
        Assert.AreEqual("b.md", files.Skipped.Single());
    }

    [TestMethod]
    public void A_link_that_leads_in_a_circle_ends()
    {
        if (OperatingSystem.IsWindows())
            Assert.Inconclusive("Links need rights there.");
        Write("a.md", "once");
        Directory.CreateSymbolicLink(_folder["text", "again"], _folder["text"]);
        Assert.HasCount(1, TextFiles.Read(_folder["text"], "*.md").Files);
    }

    [TestMethod]
    [OSCondition(ConditionMode.Exclude, OperatingSystems.Windows)]
    public void What_has_no_end_is_not_read_to_the_end()
    {
        string message = Assert.ThrowsExactly<UsageException>(static () => TextFiles.Read("/dev/zero", "*")).Message;
        StringAssert.Contains(message, "'/dev/zero' holds more than 268435456 bytes", StringComparison.Ordinal);
    }

    [TestMethod]
    public void Nothing_to_read_is_told()
    {
        Complains("nowhere", "there is no file or folder", "nowhere");
        Write("a.png", "x");
        Complains("text", "has no file named *.md, *.txt", "--pattern");
        Write("a.md", string.Empty);
        Complains("text", "it is empty");
        Write("b.txt", "\0");
        Complains("text", "'b.txt' is binary");
    }

    private void Complains(string name, params string[] parts)
    {
        string message = Assert.ThrowsExactly<UsageException>(() => TextFiles.Read(_folder[name], "*.md;*.txt")).Message;
        foreach (string part in parts)
            StringAssert.Contains(message, part, StringComparison.Ordinal);
    }

    private void Write(string name, string text)
    {
        string path = _folder[["text", .. name.Split('/')]];
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        File.WriteAllText(path, text);
    }
}
