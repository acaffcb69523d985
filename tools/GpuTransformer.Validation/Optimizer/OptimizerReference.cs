using System.Numerics;

namespace GpuTransformer.Validation;

/// <summary>The optimizers' steps, one parameter at a time, as the papers write them.</summary>
internal static class OptimizerReference
{
    /// <summary>AdamW's step number <paramref name="step"/> (from 1).</summary>
    public static (T Parameter, T First, T Second) AdamW<T>(
        T parameter, T first, T second, T gradient, double rate, double beta1, double beta2, double epsilon, double decay, int step)
        where T : IFloatingPointIeee754<T>
    {
        T b1 = T.CreateChecked(beta1), b2 = T.CreateChecked(beta2), lr = T.CreateChecked(rate);
        parameter -= lr * T.CreateChecked(decay) * parameter;
        first = b1 * first + (T.One - b1) * gradient;
        second = b2 * second + (T.One - b2) * gradient * gradient;
        T corrected = first / (T.One - T.Pow(b1, T.CreateChecked(step)));
        T root = T.Sqrt(second / (T.One - T.Pow(b2, T.CreateChecked(step))));
        return (parameter - lr * corrected / (root + T.CreateChecked(epsilon)), first, second);
    }

    /// <summary>Gradient descent with momentum and coupled decay.</summary>
    public static (T Parameter, T First) Sgd<T>(T parameter, T first, T gradient, double rate, double momentum, double decay)
        where T : IFloatingPointIeee754<T>
    {
        first = T.CreateChecked(momentum) * first + gradient + T.CreateChecked(decay) * parameter;
        return (parameter - T.CreateChecked(rate) * first, first);
    }

    /// <summary>Lion's step.</summary>
    public static (T Parameter, T First) Lion<T>(T parameter, T first, T gradient, double rate, double beta1, double beta2, double decay)
        where T : IFloatingPointIeee754<T>
    {
        T b1 = T.CreateChecked(beta1), b2 = T.CreateChecked(beta2), lr = T.CreateChecked(rate);
        T direction = b1 * first + (T.One - b1) * gradient;
        parameter -= lr * T.CreateChecked(decay) * parameter;
        parameter -= lr * T.CreateChecked(T.Sign(direction));
        return (parameter, b2 * first + (T.One - b2) * gradient);
    }
}
