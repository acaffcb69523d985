using System.Reflection;

namespace GpuTransformer.Tests;

/// <summary>
/// Runs a test once per kind of device: <c>[TestMethod, DeviceRows] public void X(string id)</c>. Values given to the attribute follow the id, as in a
/// <c>DataRow</c>, and the attribute may be repeated: <c>[DeviceRows(1, 17), DeviceRows(443, 80)] public void X(string id, int rows, int dim)</c>.
/// The test opens its device with <see cref="TestDevices.Get"/>, which skips a row whose device is not here.
/// </summary>
[AttributeUsage(AttributeTargets.Method, AllowMultiple = true)]
internal sealed class DeviceRowsAttribute(params object?[] values) : Attribute, ITestDataSource
{
    /// <summary>Whether ILGPU's CPU accelerator is a row too: only for tests of a few rows and columns.</summary>
    public bool Simulator { get; init; }

    public IEnumerable<object?[]> GetData(MethodInfo methodInfo)
    {
        foreach (string id in TestDevices.Ids)
            yield return [id, .. values];
        if (Simulator)
            yield return [TestDevices.Simulator, .. values];
    }

    public string GetDisplayName(MethodInfo methodInfo, object?[]? data)
        => $"{methodInfo.Name} ({string.Join(", ", data!.Select(Format))})";

    private static string? Format(object? value) => value switch
    {
        null => "null",
        Array array => $"[{string.Join(", ", array.Cast<object?>().Select(Format))}]",
        _ => value.ToString(),
    };
}
