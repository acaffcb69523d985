using GpuTransformer.Host;
using GpuTransformer.Modules;

namespace GpuTransformer.Samples;

/// <summary>
/// Words of width 64 attend a picture's tokens of width 96: the key and value weights of the cross-attention are rectangular (96 to 4 heads of 16), so that the
/// picture is attended as it is.
/// </summary>
internal sealed class QuestionModel : Module
{
    private const int ImageDim = 96, TextDim = 64, QuestionLength = 2;

    private readonly Linear _patch;
    private readonly Encoder _image;
    private readonly Encoder _text;
    private readonly Linear _answer;
    private readonly LearnedPositions _imagePositions;
    private readonly LearnedPositions _textPositions;
    private readonly Tensor _words; // [words, textDim]

    public QuestionModel(ParameterInitializer initializer)
        : base(initializer)
    {
        _words = AddParameter("words", initializer.Normal([Scenes.Words.Length, TextDim], 1f));
        _textPositions = AddChild("text_positions", new LearnedPositions(QuestionLength, TextDim, l2norm: false, initializer));
        _imagePositions = AddChild("image_positions", new LearnedPositions(Scenes.Board * Scenes.Board, ImageDim, l2norm: false, initializer));
        _patch = AddChild("patch", new Linear(Scenes.PatchDim, ImageDim, bias: true, initializer));
        _image = AddChild("image",
            new Encoder(new AttentionLayersOptions { Dim = ImageDim, Depth = 1, Heads = 4, Attn = new() { DimHead = 24 } }, initializer));
        _text = AddChild("text", new Encoder(
            new AttentionLayersOptions { Dim = TextDim, Depth = 2, Heads = 4, Attn = new() { DimHead = 16 }, CrossAttend = true,
                CrossAttn = new() { DimHead = 16, DimContext = ImageDim } }, initializer));
        _answer = AddChild("answer", new Linear(TextDim, Scenes.Answers.Length, bias: true, initializer));
    }

    /// <summary>The scores of all answers.</summary>
    /// <param name="patches">[batch, 16, 192]</param>
    /// <param name="questions">Int32 [batch, 2]</param>
    /// <returns>[batch, answers]</returns>
    public Tensor Forward(Tensor patches, Tensor questions)
    {
        using InferenceScope scope = InferenceScope.Begin(Device);
        Tensor image = _image.Forward(_imagePositions.Forward(_patch.Forward(patches)));
        Tensor text = _text.Forward(_textPositions.Forward(Operators.Embedding(_words, questions)), context: image);
        return scope.Keep(_answer.Forward(Operators.SliceRows(text, 0, 1)).Reshape([questions.Shape[0], Scenes.Answers.Length]));
    }
}
