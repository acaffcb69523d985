using System.Text.Json;
using GpuTransformer.Cli;

namespace GpuTransformer.Tests.Cli.Train;

/// <summary>A folder for training runs, gone with the test.</summary>
internal sealed class TrainingFolder : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("train-");

    public string this[params string[] parts] => Path.Combine([_folder.FullName, .. parts]);

    /// <summary>Trains on the processor and returns the report.</summary>
    public async Task<JsonElement> Train(string task, string name, params string[] more)
    {
        CommandRun run = await Run(task, name, more);
        run.Exits(ExitCode.Pass);
        return Report(name);
    }

    public async Task<CommandRun> Run(string task, string name, params string[] more)
        => await CommandRun.Of(["train", task, "--device", "cpu", "--output", this[name], "--json", this[$"{name}.json"], .. more]);

    public JsonElement Report(string name) => JsonSerializer.Deserialize<JsonElement>(File.ReadAllText(this[$"{name}.json"]));

    /// <summary>Writes a file and returns where it is.</summary>
    public string Write(string name, string text)
    {
        File.WriteAllText(this[name], text);
        return this[name];
    }

    public void Dispose() => _folder.Delete(recursive: true);
}
