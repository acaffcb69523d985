using System.Reflection;

namespace GpuTransformer.Tests.Samples;

/// <summary>The programs in tools/samples reach the results that they state: each ends with 0 only if it does.</summary>
[TestClass]
public sealed class SampleProgramTests
{
    [TestMethod]
    [TestCategory("Slow")]
    [DataRow("Multimodal", "of 2048 answers are right")]
    [DataRow("Distillation", "attending its hidden states")]
    [DataRow("Transfer", "with the encoder of the checkpoint")]
    [DataRow("Extensions", "the loss fell from")]
    public void Reaches_what_it_states(string sample, string conclusion)
    {
        TextWriter before = Console.Out;
        using var output = new StringWriter();
        Console.SetOut(output);
        object? exit;
        try
        {
            exit = Assembly.Load(sample).EntryPoint!.Invoke(null, [new[] { "cpu" }]);
        }
        finally
        {
            Console.SetOut(before);
        }

        Assert.AreEqual(0, exit, output.ToString());
        Assert.Contains(conclusion, output.ToString());
    }
}
