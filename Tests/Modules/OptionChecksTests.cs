using GpuTransformer.Modules;

namespace GpuTransformer.Tests.Modules;

/// <summary>Options that contradict each other: every message has the names and the numbers.</summary>
[TestClass]
public sealed class OptionChecksTests
{
    [TestMethod]
    [DataRow("'heads':6,'attn_kv_heads':4,'depth':1", "Heads = 6 is not a multiple of KvHeads = 4")]
    [DataRow("'heads':4,'attn_kv_heads':8,'depth':1", "Heads = 4 is not a multiple of KvHeads = 8")]
    [DataRow("'attn_kv_heads':2,'attn_one_kv_head':true,'depth':1", "exclude each other")]
    [DataRow("'heads':1,'attn_dim_head':5,'depth':1", "give 5 channels")]
    [DataRow("'heads':1,'attn_dim_head':16,'zero_init_branch_output':true,'depth':1", "ZeroInitOutput needs a plain output projection")]
    [DataRow("'heads':8", "Depth, the number of blocks, is missing")]
    [DataRow("'depth':0", "Depth = 0")]
    [DataRow("'depth':1,'alibi_pos_bias':true,'alibi_num_heads':9", "AlibiNumHeads = 9 must lie between 1 and Heads = 8")]
    [DataRow("'depth':1,'alibi_pos_bias':true,'alibi_num_heads':0", "AlibiNumHeads = 0")]
    [DataRow("'depth':1,'alibi_pos_bias':true,'rel_pos_kwargs':{'slopes':[1]}", "has 1 slopes for 8 heads")]
    [DataRow("'depth':1,'alibi_num_heads':2", "AlibiPosBias = true")]
    [DataRow("'depth':1,'use_rmsnorm':true,'use_scalenorm':true", "UseRmsnorm and UseScalenorm exclude each other")]
    [DataRow("'depth':1,'sandwich_norm':true,'pre_norm':false", "SandwichNorm")]
    [DataRow("'depth':1,'only_cross':true", "CrossAttend = true")]
    [DataRow("'depth':1,'cross_attn_dim_context':5", "CrossAttend is off")]
    [DataRow("'depth':1,'dim_condition':5", "nothing uses one")]
    [DataRow("'depth':2,'sandwich_coef':3", "between 1 and Depth = 2")]
    [DataRow("'depth':2,'layers_execute_order':[0,4]", "contains 4, but the stack's layers are 0 to 3")]
    [DataRow("'custom_layers':['a','x']", "contains 'x'")]
    [DataRow("'custom_layers':['c']", "needs CrossAttend = true")]
    [DataRow("'depth':1,'ff_relu_squared':true,'ff_solu':true", "ReluSquared and Solu exclude each other")]
    [DataRow("'depth':1,'ff_glu_mult_bias':true", "needs Glu = true")]
    [DataRow("'depth':1,'ff_mult':0.01", "Mult = 0.01")]
    [DataRow("'depth':1,'ff_dropout':1", "Dropout = 1")]
    [DataRow("'depth':1,'attn_qk_norm':true,'attn_qk_norm_groups':7", "QkNormGroups = 7 must divide DimHead = 64")]
    [DataRow("'depth':1,'attn_dim_head':257", "at most 256")]
    public void Contradictions_are_refused(string kwargs, string message)
    {
        string json = "{'class':'Encoder','kwargs':{'dim':16," + kwargs + "}}";
        Assert.Contains(message, Assert.ThrowsExactly<ArgumentException>(() => ModuleFactory.Create(json.Replace('\'', '"'), TestDevices.Get("cpu"))).Message);
    }

    [TestMethod]
    public void Causality_belongs_to_the_class()
        => Assert.Contains(
            "Decoder",
            Assert.ThrowsExactly<ArgumentException>(()
                => new Encoder(new AttentionLayersOptions { Dim = 8, Depth = 1, Causal = true }, TestDevices.Get("cpu"))).Message);

    [TestMethod]
    public void What_the_stack_decides_is_left_out_of_its_parts()
    {
        AttentionLayersOptions stack = new() { Dim = 16, Depth = 1, Heads = 2, CrossAttend = true };
        (AttentionLayersOptions Options, string Says)[] wrong =
        [
            (stack with { Attn = new() { Dim = 8 } }, "Attn.Dim = 8, but the stack decides it by Dim = 16"),
            (stack with { Attn = new() { Heads = 4 } }, "Attn.Heads = 4, but the stack decides it by Heads = 2"),
            (stack with { CrossAttn = new() { DimOut = 4 } }, "CrossAttn.DimOut = 4"),
            (stack with { Ff = new() { Dim = 4 } }, "Ff.Dim = 4"),
            (stack with { Attn = new() { DimContext = 4 } }, "CrossAttn = new() { DimContext = 4 }"),
            (stack with { Attn = new() { Causal = true } }, "use a Decoder"),
            (stack with { CrossAttend = false, CrossAttn = new() { DimContext = 4 } }, "CrossAttend is off"),
        ];
        foreach ((AttentionLayersOptions options, string says) in wrong)
            Assert.Contains(says, Assert.ThrowsExactly<ArgumentException>(() => new Encoder(options, TestDevices.Get("cpu"))).Message);
        using var same = new Encoder(stack with { Attn = new() { Dim = 16, Heads = 2 } }, TestDevices.Get("cpu"));
        Assert.Contains("Dim is missing", Assert.ThrowsExactly<ArgumentException>(() => new Attention(new AttentionOptions(), TestDevices.Get("cpu"))).Message);
        Assert.Contains(
            "Dim is missing", Assert.ThrowsExactly<ArgumentException>(() => new FeedForward(new FeedForwardOptions(), TestDevices.Get("cpu"))).Message);
    }

    [TestMethod]
    [DataRow(12, 5, "affffaffffaffffaffffffff")]
    public void Par_ratio_thins_out_attention(int depth, int ratio, string expected)
        => Assert.AreEqual(expected, Letters(new AttentionLayersOptions { Dim = 8, Depth = depth, ParRatio = ratio }));

    [TestMethod]
    public void Layers_follow_the_options()
    {
        Assert.AreEqual("afaf", Letters(new AttentionLayersOptions { Dim = 8, Depth = 2 }));
        Assert.AreEqual("acfacf", Letters(new AttentionLayersOptions { Dim = 8, Depth = 2, CrossAttend = true }));
        Assert.AreEqual("cfcf", Letters(new AttentionLayersOptions { Dim = 8, Depth = 2, CrossAttend = true, OnlyCross = true }));
        Assert.AreEqual("facf", Letters(new AttentionLayersOptions { Dim = 8, Depth = 1, CrossAttend = true, Macaron = true }));
        Assert.AreEqual("aaafafff", Letters(new AttentionLayersOptions { Dim = 8, Depth = 4, SandwichCoef = 2 }));
        CollectionAssert.AreEqual(
            new[] { 0, 1, 0, 1, 0, 1 }, LayerPlan.Of(new AttentionLayersOptions { Dim = 8, Depth = 3, WeightTieLayers = true }).Order.ToArray());
    }

    private static string Letters(AttentionLayersOptions options)
        => string.Concat(
            LayerPlan.Of(options).Layers.Select(static kind => kind == LayerKind.SelfAttention ? 'a' : kind == LayerKind.CrossAttention ? 'c' : 'f'));
}
