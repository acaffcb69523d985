using System.Text.Json;
using System.Text.Json.Nodes;
using GpuTransformer.Cli.Reporting;
using GpuTransformer.Modules;

namespace GpuTransformer.Cli.Train;

/// <summary>
/// The folder of a training run: who may write into it, and what in it is the run's own. A marker (<c>run.json</c>) says that it is a run's folder and of which
/// task; a lock (<c>run.lock</c>), which the operating system releases when the process ends in whatever way, keeps a second run out.
/// </summary>
internal sealed class RunFolder(DirectoryInfo folder, string task)
{
    private const string Format = "gpu-transformer train", FormatName = "written_by", TaskName = "task", ProcessName = "process";
    private const string Marker = "run.json", Lock = "run.lock", Settings = "settings.json", Checkpoint = "checkpoint.safetensors", Losses = "loss.csv";

    /// <summary>A model that others may run: its description and its parameters, where a task writes them.</summary>
    public const string ModelDescription = "model.json", ModelParameters = "model.safetensors";

    // The checkpoint is the last to be moved away: where it is, a run is.
    private static readonly string[] s_own = [Settings, Losses, "loss.png", "reconstruction.png", ModelDescription, ModelParameters, Checkpoint];

    private string? _earlierTask;

    /// <summary>Where the pictures go.</summary>
    public DirectoryInfo Folder => folder;

    /// <summary>The run's settings, for those who resume it.</summary>
    public FileInfo SettingsFile => new(At(Settings));

    /// <summary>The whole run: parameters, moments, counters.</summary>
    public string CheckpointFile => At(Checkpoint);

    /// <summary>A row for every step.</summary>
    public string LossFile => At(Losses);

    /// <summary>The curve.</summary>
    public string LossPicture => At("loss.png");

    /// <summary>Looks, and changes nothing: may a run of this task be begun or resumed here?</summary>
    /// <exception cref="UsageException">It may not; the message says why and what to do.</exception>
    public void Check(bool resume)
    {
        string? marked = MarkedTask();
        if (!resume)
        {
            // Without the marker, files of these names are somebody else's.
            string? foreign = marked is not null ? null : s_own.Append(Marker).FirstOrDefault(name => File.Exists(At(name)) || Directory.Exists(At(name)));
            if (foreign is not null)
                throw new UsageException(
                    $"--output: '{folder.FullName}' holds a '{foreign}' that is no training run's; choose another folder, or move the file away. "
                    + "(A run of an earlier version is continued by --resume.)");
            return;
        }

        if (!SettingsFile.Exists && (marked is null || !File.Exists(CheckpointFile)))
            throw new UsageException($"There is nothing to resume: '{folder.FullName}' holds no run.");
        if (marked is not null && marked != task)
            throw new UsageException(
                $"--resume: the run in '{folder.FullName}' is one of `train {marked}`, which `train {task}` cannot continue. "
                + $"Resume it with `train {marked}`, or choose another folder.");
    }

    /// <summary>Makes the folder this process's own until the result is disposed, and removes what a killed run has left half-written.</summary>
    /// <exception cref="UsageException">It is another's, or another process is at work in it.</exception>
    public IDisposable Claim(bool resume)
    {
        Check(resume);
        folder.Create();
        FileStream held = TakeLock();
        try
        {
            // Between the first look and the lock another run may have begun and ended.
            Check(resume);
            _earlierTask = MarkedTask();
            foreach (string name in s_own.Append(Marker))
                AtomicFile.RemoveLeftovers(At(name));

            // What has no marker yet and is to be resumed gets it when it has turned out to be a run.
            if (!resume || _earlierTask is not null)
                Mark();
            return held;
        }
        catch
        {
            held.Dispose();
            throw;
        }
    }

    /// <summary>
    /// A new run replaces what lies in the folder, but training is dear: an earlier run moves into a folder of its own, where it can be resumed. Null if there
    /// was none.
    /// </summary>
    public string? KeepEarlierRun()
    {
        if (!File.Exists(CheckpointFile))
            return null;
        int number = 1;
        while (Path.Exists(At($"earlier-{number}")))
            number++;
        string kept = folder.CreateSubdirectory($"earlier-{number}").FullName;
        WriteMarker(Path.Combine(kept, Marker), _earlierTask ?? task);
        foreach (string name in s_own.Where(name => File.Exists(At(name))))
            File.Move(At(name), Path.Combine(kept, name));
        return kept;
    }

    /// <summary>Says that this folder is a run's, and of which process.</summary>
    public void Mark() => WriteMarker(Marker, task);

    private string? MarkedTask() => ReadMarker()?[TaskName]?.ToString();

    private string At(string name) => Path.Combine(folder.FullName, name);

    private void WriteMarker(string name, string marked)
        => JsonFile.Write(new FileInfo(At(name)), new JsonObject { [FormatName] = Format, [TaskName] = marked, [ProcessName] = Environment.ProcessId });

    private JsonObject? ReadMarker()
    {
        try
        {
            return JsonNode.Parse(File.ReadAllText(At(Marker))) is JsonObject marker && marker[FormatName] is JsonValue format && format.ToString() == Format
                ? marker
                : null;
        }
        catch (Exception exception) when (
            exception is FileNotFoundException or DirectoryNotFoundException or JsonException or ArgumentException or InvalidOperationException)
        {
            return null;
        }
    }

    private FileStream TakeLock()
    {
        try
        {
            return new FileStream(At(Lock), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
        }
        catch (IOException exception) when (exception is not (DirectoryNotFoundException or PathTooLongException))
        {
            throw new UsageException(
                $"--output: process {ReadMarker()?[ProcessName]?.ToString() ?? "of unknown number"} is at work in '{folder.FullName}' "
                + $"({exception.Message.TrimEnd('.')}). Wait for it, stop it, or choose another folder.");
        }
    }
}
