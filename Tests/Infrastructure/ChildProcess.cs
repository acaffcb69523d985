using System.Diagnostics;
using System.Reflection;
using GpuTransformer.Tests;

namespace GpuTransformer.Tests
{
    /// <summary>
    /// Runs a static method of the tests in a process of its own: for what happens once per process, and for what may end one. The process is the tests' own,
    /// and a startup hook runs the method in place of its <c>Main</c>.
    /// </summary>
    internal static class ChildProcess
    {
        private const string MethodVariable = "GPUTRANSFORMER_TEST_CHILD";

        private static readonly TimeSpan s_patience = TimeSpan.FromMinutes(2);

        /// <summary>Starts a process that runs <paramref name="method"/>, a static method that takes one string, and waits for it.</summary>
        /// <returns>Its exit code, which is 0 if the method returned, and what it wrote.</returns>
        public static (int ExitCode, string Output) Run(Action<string> method, string argument)
        {
            string tests = typeof(ChildProcess).Assembly.Location;
            var start = new ProcessStartInfo("dotnet") { ArgumentList = { "exec", tests }, RedirectStandardOutput = true, RedirectStandardError = true };
            start.Environment["DOTNET_STARTUP_HOOKS"] = tests;
            start.Environment[MethodVariable] = $"{method.Method.DeclaringType!.FullName}|{method.Method.Name}|{argument}";
            using Process child = Process.Start(start)!;
            Task<string> output = child.StandardOutput.ReadToEndAsync(), errors = child.StandardError.ReadToEndAsync();
            if (!child.WaitForExit(s_patience))
            {
                child.Kill(entireProcessTree: true);
                return (-1, $"It did not end within {s_patience}. {output.Result}{errors.Result}");
            }

            return (child.ExitCode, output.Result + errors.Result);
        }

        /// <summary>What the startup hook does in such a process; nothing in any other.</summary>
        public static void RunIfChild()
        {
            if (Environment.GetEnvironmentVariable(MethodVariable) is not { } description)
                return;
            string[] parts = description.Split('|', 3);
            try
            {
                typeof(ChildProcess).Assembly.GetType(parts[0], throwOnError: true)!
                    .GetMethod(parts[1], BindingFlags.Static | BindingFlags.Public | BindingFlags.NonPublic)!.CreateDelegate<Action<string>>()(parts[2]);
                Environment.Exit(0);
            }
            catch (Exception exception)
            {
                Console.Error.WriteLine(exception);
                Environment.Exit(1);
            }
        }
    }
}

/// <summary>What .NET calls before <c>Main</c> where <c>DOTNET_STARTUP_HOOKS</c> names this assembly; the name and the missing namespace are .NET's.</summary>
internal static class StartupHook
{
    public static void Initialize() => ChildProcess.RunIfChild();
}
