using System.Diagnostics;
using System.Runtime.Versioning;
using GpuTransformer.Cli;
using GpuTransformer.Modules;

namespace GpuTransformer.Tests;

[TestClass]
public sealed class AtomicFileTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("atomic-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [TestMethod]
    public void A_file_is_replaced_and_no_other_is_left()
    {
        Write("a", "old and longer");
        Write("a", "new");
        Assert.AreEqual("new", File.ReadAllText(At("a")));
        CollectionAssert.AreEqual(new[] { At("a") }, Directory.GetFiles(_folder));
    }

    [TestMethod]
    public void What_was_there_stays_when_writing_fails()
    {
        Write("a", "old");
        InvalidOperationException thrown = Assert.ThrowsExactly<InvalidOperationException>(() => AtomicFile.Write(At("a"), static stream =>
        {
            stream.Write("half"u8);
            throw new InvalidOperationException("the caller's own");
        }));
        Assert.AreEqual("the caller's own", thrown.Message);
        Assert.AreEqual("old", File.ReadAllText(At("a")));
        CollectionAssert.AreEqual(new[] { At("a") }, Directory.GetFiles(_folder));
    }

    [TestMethod]
    public void What_is_half_written_goes_with_the_process()
    {
        Write("a", "old");
        Assert.Throws<IOException>(() => AtomicFile.Write(At("a"), stream =>
        {
            stream.Write("half"u8);
            AtomicFile.DiscardUnfinished();
            Assert.AreEqual(At("a"), Directory.GetFiles(_folder).Single());
        }));
        Assert.AreEqual("old", File.ReadAllText(At("a")));
    }

    [TestMethod]
    public void A_missing_folder_is_told_with_the_file_that_was_asked_for()
    {
        string path = Path.Combine(_folder, "missing", "model.safetensors");
        DirectoryNotFoundException exception = Assert.ThrowsExactly<DirectoryNotFoundException>(() => AtomicFile.Write(path, static _ => { }));
        Assert.AreEqual($"'{path}' cannot be written: there is no folder '{Path.GetDirectoryName(path)}'.", exception.Message);
        exception = Assert.ThrowsExactly<DirectoryNotFoundException>(() => SafetensorsWriter.Write(path, []));
        Assert.DoesNotContain(".tmp", exception.Message);
    }

    [TestMethod]
    public void A_folder_and_a_file_in_place_of_a_folder_are_refused()
    {
        Assert.Contains("is a folder", Assert.ThrowsExactly<UnauthorizedAccessException>(() => AtomicFile.Write(_folder, static _ => { })).Message);
        Write("a", "file");
        Assert.DoesNotContain(".tmp", Assert.Throws<IOException>(() => Write("a/b", "below a file")).Message);
        Assert.AreEqual("file", File.ReadAllText(At("a")));
    }

    [TestMethod]
    public void A_name_may_be_as_long_as_file_systems_allow()
    {
        string name = new('n', 250);
        Write(name, "text");
        Assert.AreEqual("text", File.ReadAllText(At(name)));
    }

    [TestMethod]
    public void Only_its_own_leftovers_are_removed()
    {
        string[] kept = ["a.tmp", "a.notes.tmp", "b.0123456789abcdef0123456789abcdef.tmp", "a.0123456789abcdef0123456789abcdef.tmp.txt", "a"];
        foreach (string name in kept.Append("a.0123456789abcdef0123456789abcdef.tmp"))
            File.WriteAllText(At(name), name);
        AtomicFile.RemoveLeftovers(At("a"));
        CollectionAssert.AreEquivalent(kept, Directory.GetFiles(_folder).Select(Path.GetFileName).ToArray());
    }

    [TestMethod]
    [OSCondition(ConditionMode.Exclude, OperatingSystems.Windows)]
    [DataRow("target", "../atomic/target")]
    [DataRow("nothing there yet", "../atomic/nothing there yet")]
    public void A_link_stays_and_what_it_points_to_is_written(string target, string description)
    {
        Write("target", "old");
        File.CreateSymbolicLink(At("second"), target);
        File.CreateSymbolicLink(At("first"), At("second"));
        Write("first", "new");
        Assert.AreEqual("new", File.ReadAllText(At(target)), description);
        Assert.AreEqual(At("second"), new FileInfo(At("first")).LinkTarget);
        Assert.AreEqual(target, new FileInfo(At("second")).LinkTarget);
        Assert.HasCount(target == "target" ? 3 : 4, Directory.GetFiles(_folder));
    }

    [TestMethod]
    [OSCondition(ConditionMode.Exclude, OperatingSystems.Windows)]
    public void A_link_out_of_a_linked_folder_leads_where_the_system_says()
    {
        // real/deep/out → ../here, seen through link → real/deep: what counts is where the folder really is.
        Directory.CreateDirectory(Path.Combine(_folder, "real", "deep"));
        File.CreateSymbolicLink(At("link"), At(Path.Combine("real", "deep")));
        File.CreateSymbolicLink(At(Path.Combine("real", "deep", "out")), "../here");
        Write("link/out", "text");
        Assert.AreEqual("text", File.ReadAllText(At("real/here")));
        Assert.IsFalse(File.Exists(At("here")));
        File.CreateSymbolicLink(At("round"), "round");
        Assert.Throws<IOException>(() => Write("round", "text"));
    }

    [TestMethod]
    [OSCondition(ConditionMode.Exclude, OperatingSystems.Windows)]
    [UnsupportedOSPlatform("windows")]
    public void The_mode_is_kept_and_a_private_file_is_never_open_to_others()
    {
        if (OperatingSystem.IsWindows())
            return;
        const UnixFileMode Private = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        Write("a", "old");
        UnixFileMode usual = File.GetUnixFileMode(At("a"));
        Assert.IsTrue(usual.HasFlag(Private));
        File.SetUnixFileMode(At("a"), Private);
        AtomicFile.Write(At("a"), _ =>
        {
            string temporary = Directory.GetFiles(_folder).Single(static f => f.EndsWith(".tmp", StringComparison.Ordinal));
            Assert.AreEqual(Private, File.GetUnixFileMode(temporary));
        });
        Assert.AreEqual(Private, File.GetUnixFileMode(At("a")));
        const UnixFileMode Group = Private | UnixFileMode.GroupRead | UnixFileMode.GroupWrite | UnixFileMode.UserExecute;
        File.SetUnixFileMode(At("a"), Group);
        Write("a", "newer");
        Assert.AreEqual(Group, File.GetUnixFileMode(At("a")));
    }

    [TestMethod]
    [OSCondition(ConditionMode.Exclude, OperatingSystems.Windows)]
    [UnsupportedOSPlatform("windows")]
    public void A_read_only_file_is_not_replaced()
    {
        if (OperatingSystem.IsWindows() || Environment.IsPrivilegedProcess)
            Assert.Inconclusive("Nothing is read-only to an administrator.");
        Write("a", "old");
        File.SetUnixFileMode(At("a"), UnixFileMode.UserRead);
        Assert.Contains("may not be written", Assert.ThrowsExactly<UnauthorizedAccessException>(() => Write("a", "new")).Message);
        Assert.AreEqual("old", File.ReadAllText(At("a")));
    }

    [TestMethod]
    [OSCondition(ConditionMode.Exclude, OperatingSystems.Windows)]
    public async Task A_pipe_is_written_to()
    {
        Execute("mkfifo", At("pipe"));
        Task<string> read = Task.Run(() => File.ReadAllText(At("pipe")));
        Write("pipe", "text");
        Assert.AreEqual("text", await read);
        Assert.AreEqual("p", Kind("pipe"));
    }

    [TestMethod]
    [OSCondition(ConditionMode.Exclude, OperatingSystems.Windows)]
    public async Task A_device_is_written_to()
    {
        // A node of our own in the stead of /dev/null, where one may be made; else the real one, which an ordinary user cannot replace.
        bool own = Execute("mknod", At("null"), "c", "1", "3") == 0;
        string device = own ? At("null") : "/dev/null";
        try
        {
            AtomicFile.Write(device, static stream => stream.Write("text"u8));
        }
        catch (UnauthorizedAccessException) when (own)
        {
            // A file system that is mounted without devices.
        }

        if (own)
            Assert.AreEqual("c", Kind("null"));
        (await CommandRun.Of("devices", "--json", device)).Exits(ExitCode.Pass);
        if (own)
            Assert.AreEqual("c", Kind("null"));
    }

    private static int Execute(string program, params string[] arguments)
    {
        using Process process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardError = true })!;
        process.WaitForExit();
        return process.ExitCode;
    }

    // The first letter of what ls says.
    private string Kind(string name)
    {
        using Process process = Process.Start(new ProcessStartInfo("ls", ["-ld", At(name)]) { RedirectStandardOutput = true })!;
        return process.StandardOutput.ReadToEnd()[..1];
    }

    private void Write(string name, string text) => AtomicFile.Write(At(name), stream => stream.Write(System.Text.Encoding.UTF8.GetBytes(text)));

    private string At(string name) => Path.Combine(_folder, name);
}
