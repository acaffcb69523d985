using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace GpuTransformer.Kernels;

/// <summary>How two numbers lie to each other: one bit for each possibility, of which a comparison names those that make it true.</summary>
internal static class Relation
{
    public const int Less = 1, Equal = 2, Greater = 4, Unordered = 8;

    /// <summary>1 where one of <paramref name="relations"/> holds between x and y, 0 elsewhere.</summary>
    public static float Holds(int relations, float x, float y)
    {
        int relation = x < y ? Less : x > y ? Greater : x == y ? Equal : Unordered;
        return (relation & relations) != 0 ? 1f : 0f;
    }

    /// <summary>The same in sixteen SIMD lanes.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Holds(int relations, Vector512<float> x, Vector512<float> y)
    {
        Vector512<float> less = Vector512.LessThan(x, y), equal = Vector512.Equals(x, y), greater = Vector512.GreaterThan(x, y);
        Vector512<float> holds = (less & All(relations & Less)) | (equal & All(relations & Equal)) | (greater & All(relations & Greater))
            | Vector512.AndNot(All(relations & Unordered), less | equal | greater);
        return holds & Vector512<float>.One;
    }

    private static Vector512<float> All(int bit) => Vector512.Create(bit == 0 ? 0 : -1).AsSingle();
}

/// <summary>Whether one of some relations holds between two operands.</summary>
internal readonly struct CompareMap(int relations) : IBroadcastMap<CompareMap>
{
    private readonly int _relations = relations;

    public static int Operands => 2;

    public static float Apply(CompareMap map, float x, float y, float z) => Relation.Holds(map._relations, x, y);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Apply(CompareMap map, Vector512<float> x, Vector512<float> y, Vector512<float> z) => Relation.Holds(map._relations, x, y);
}

/// <summary>Whether one of some relations holds between the operand and a number.</summary>
internal readonly struct CompareNumberMap(int relations, float number) : IBroadcastMap<CompareNumberMap>
{
    private readonly int _relations = relations;
    private readonly float _number = number;

    public static int Operands => 1;

    public static float Apply(CompareNumberMap map, float x, float y, float z) => Relation.Holds(map._relations, x, map._number);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Apply(CompareNumberMap map, Vector512<float> x, Vector512<float> y, Vector512<float> z)
        => Relation.Holds(map._relations, x, Vector512.Create(map._number));
}

/// <summary>The second operand where the first, a flag, is 1, and the third elsewhere.</summary>
internal readonly struct WhereMap : IBroadcastMap<WhereMap>
{
    public static int Operands => 3;

    public static float Apply(WhereMap map, float x, float y, float z) => x != 0f ? y : z;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Apply(WhereMap map, Vector512<float> x, Vector512<float> y, Vector512<float> z)
        => Vector512.ConditionalSelect(Vector512.Equals(x, default), z, y);
}

/// <summary>The second operand where the first, a flag, is the one that is asked for, and zero elsewhere, whatever the second holds there.</summary>
internal readonly struct WhereBackwardMap(float flag) : IBroadcastMap<WhereBackwardMap>
{
    private readonly float _flag = flag;

    public static int Operands => 2;

    public static float Apply(WhereBackwardMap map, float x, float y, float z) => x == map._flag ? y : 0f;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Apply(WhereBackwardMap map, Vector512<float> x, Vector512<float> y, Vector512<float> z)
        => Vector512.Equals(x, Vector512.Create(map._flag)) & y;
}
