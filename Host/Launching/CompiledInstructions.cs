using System.Reflection;
using System.Reflection.Emit;

namespace GpuTransformer.Host;

/// <summary>The instructions that a method was compiled to, as .NET's metadata keeps them.</summary>
internal static class CompiledInstructions
{
    private static readonly Dictionary<short, OpCode> s_codes =
        typeof(OpCodes).GetFields(BindingFlags.Public | BindingFlags.Static).Select(static f => (OpCode)f.GetValue(null)!).ToDictionary(static c => c.Value);

    /// <summary>
    /// Each instruction with its operand's first four bytes, which are a token for what refers to a type, a method or a field; 0 where the operand is shorter.
    /// </summary>
    public static IEnumerable<(OpCode Operation, int Token)> Of(MethodBase method)
    {
        byte[] code = method.GetMethodBody()?.GetILAsByteArray() ?? [];
        for (int at = 0; at < code.Length;)
        {
            OpCode operation = code[at] == 0xFE ? s_codes[(short)(0xFE00 | code[at + 1])] : s_codes[code[at]];
            at += operation.Size;
            int size = OperandSize(operation.OperandType, code, at);
            yield return (operation, size < sizeof(int) ? 0 : BitConverter.ToInt32(code, at));
            at += size;
        }
    }

    private static int OperandSize(OperandType type, byte[] code, int at) => type switch
    {
        OperandType.InlineNone => 0,
        OperandType.ShortInlineBrTarget or OperandType.ShortInlineI or OperandType.ShortInlineVar => 1,
        OperandType.InlineVar => 2,
        OperandType.InlineI8 or OperandType.InlineR => 8,
        OperandType.InlineSwitch => 4 + 4 * BitConverter.ToInt32(code, at),
        _ => 4,
    };
}
