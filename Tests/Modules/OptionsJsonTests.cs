using System.Text.Json;
using System.Text.Json.Nodes;
using GpuTransformer.Host;
using GpuTransformer.Modules;

namespace GpuTransformer.Tests.Modules;

/// <summary>Options under x-transformers' names: read, refused, written.</summary>
[TestClass]
public sealed class OptionsJsonTests
{
    [TestMethod]
    public void Snake_case_names_are_the_properties()
    {
        AttentionLayersOptions options = Read<AttentionLayersOptions>(
            """{"dim":256,"depth":4,"heads":4,"alibi_pos_bias":true,"cross_attend":true,"cross_attn_dim_context":512,"ff_mult":2.5,"use_rmsnorm":true,"attn_kv_heads":2,"rel_pos_kwargs":{"slopes":[1,2]},"verbose":false,"custom_layers":["a","f"]}""");
        Assert.AreEqual(
            options with { CustomLayers = null, RelPosKwargs = null },
            new AttentionLayersOptions
            {
                Dim = 256, Depth = 4, Heads = 4, AlibiPosBias = true, CrossAttend = true, Attn = new() { KvHeads = 2 },
                CrossAttn = new() { KvHeads = 2, DimContext = 512 },
                Ff = new() { Mult = 2.5 }, UseRmsnorm = true, Verbose = false,
            });
        CollectionAssert.AreEqual(new[] { 1f, 2f }, options.RelPosKwargs!.Slopes!.ToArray());
        CollectionAssert.AreEqual(new[] { "a", "f" }, options.CustomLayers!.ToArray());
    }

    [TestMethod]
    [DataRow("attn_aggregated_residuals", "true")]
    [DataRow("attn_hybrid_module", "{}")]
    [DataRow("attn_flash_pack_seq", "true")]
    [DataRow("cross_attn_gumbel_softmax", "true")]
    [DataRow("ff_custom_activation", "\"sigmoid\"")]
    public void What_only_upstream_knows_is_unsupported_and_named(string name, string value)
    {
        UnsupportedOptionException exception = Assert.ThrowsExactly<UnsupportedOptionException>(
            () => Read<AttentionLayersOptions>($$"""{"dim":8,"{{name}}":{{value}}}"""));
        Assert.AreEqual(name, exception.Option);
        Assert.Contains(name, exception.Message);
    }

    [TestMethod]
    [DataRow("rotary_pos_emb", "false")]
    [DataRow("num_residual_streams", "1")]
    [DataRow("attn_sparse_topk", "null")]
    [DataRow("shift_tokens", "0")]
    [DataRow("rel_pos_num_buckets", "32")]
    public void What_is_switched_off_is_no_obstacle(string name, string value)
        => Assert.AreEqual(8, Read<AttentionLayersOptions>($$"""{"dim":8,"{{name}}":{{value}}}""").Dim);

    [TestMethod]
    [DataRow("""{"dim":8,"ff_glue":true}""", "'ff_glue'; the nearest is 'ff_glu'")]
    [DataRow("""{"dim":8,"attn_kv_head":1}""", "the nearest is 'attn_kv_heads'")]
    [DataRow("""{"dim":8,"attn_dim_context":9}""", "cross_attn_dim_context")]
    [DataRow("""{"dim":8,"cross_attn_heads":2}""", "cross_attn_heads does not exist")]
    [DataRow("""{"dim":8,"attn":{"dim_head":2}}""", "no option 'attn'")]
    [DataRow("""{"dim":8,"attn_dim_head":"2","cross_attn_dropout":0.5}""", "attn_dim_head is \"2\", but it takes an integer")]
    [DataRow("""{"dim":8,"cross_attn_dim_head":2.5}""", "cross_attn_dim_head is 2.5")]
    [DataRow("""{"depth":8}""", "dim")]
    [DataRow("""{"dim":"8"}""", "dim is ")]
    [DataRow("""{"dim":8.5}""", "dim is ")]
    [DataRow("""{"dim":null}""", "dim is ")]
    [DataRow("""{"dim":8,"rel_pos_kwargs":{"slope":[1]}}""", "slope")]
    [DataRow("""[]""", "not an object")]
    public void A_mistake_is_an_argument_exception_that_says_which(string json, string message)
        => Assert.Contains(message, Assert.ThrowsExactly<ArgumentException>(() => Read<AttentionLayersOptions>(json)).Message);

    [TestMethod]
    public void What_all_layers_share_has_one_value()
        => Assert.Contains(
            "one value per layer",
            Assert.ThrowsExactly<UnsupportedOptionException>(() => Read<AttentionLayersOptions>("""{"dim":8,"heads":[2,3]}""")).Message);

    [TestMethod]
    public void A_list_has_one_value_for_each_layer_of_the_kind()
    {
        const string Json = """{"dim":8,"depth":2,"attn_dim_head":4,"attn_dropout":[0,0.5],"ff_mult":[2,3],"ff_glu":true}""";
        AttentionLayersOptions options = Read<AttentionLayersOptions>(Json);
        CollectionAssert.AreEqual(new[] { 2.0, 3 }, options.FfEach!.Select(static f => (double)f.Mult).ToArray());
        Assert.IsTrue(options.FfEach!.All(static f => f.Glu), "What all have in common belongs to each.");
        CollectionAssert.AreEqual(new[] { 0f, 0.5f }, options.AttnEach!.Select(static a => a.Dropout).ToArray());
        Assert.IsTrue(options.AttnEach!.All(static a => a.DimHead == 4));
        AttentionLayersOptions again = Read<AttentionLayersOptions>(OptionsJson.Write(options).ToJsonString());
        CollectionAssert.AreEqual(options.FfEach!.ToArray(), again.FfEach!.ToArray());
        CollectionAssert.AreEqual(options.AttnEach!.ToArray(), again.AttnEach!.ToArray());

        using var stack = new Encoder(options with { Heads = 2 }, TestDevices.Get("cpu"));
        (string Name, Tensor Value)[] parameters = [.. stack.NamedParameters()];
        Assert.AreEqual(new Shape(2 * 16, 8), parameters.First(static p => p.Name == "layers.1.1.ff.0.proj.weight").Value.Shape);
        Assert.AreEqual(new Shape(2 * 24, 8), parameters.First(static p => p.Name == "layers.3.1.ff.0.proj.weight").Value.Shape);
        string wrong = Assert.ThrowsExactly<ArgumentException>(
            () => new Encoder(options with { FfEach = [new(), new(), new()] }, TestDevices.Get("cpu"))).Message;
        Assert.Contains("FfEach has 3 records, but the stack has 2 layers", wrong);
        Assert.Contains(
            "each needs one for each layer",
            Assert.ThrowsExactly<ArgumentException>(() => Read<AttentionLayersOptions>("""{"dim":8,"ff_mult":[2,3],"ff_dropout":[0]}""")).Message);
    }

    [TestMethod]
    public void What_is_written_is_read_back()
    {
        var options = new AttentionLayersOptions
        {
            Dim = 8, Depth = 2, PreNorm = false, Ff = new() { Glu = true }, RelPosKwargs = new RelativePositionOptions { Slopes = [0.5f] }, AlibiPosBias = true,
            Heads = 1,
        };
        JsonObject json = OptionsJson.Write(options);
        Assert.AreEqual(
            """{"dim":8,"depth":2,"heads":1,"alibi_pos_bias":true,"rel_pos_kwargs":{"slopes":[0.5]},"ff_glu":true,"pre_norm":false}""".Length,
            json.ToJsonString().Length);
        AttentionLayersOptions read = Read<AttentionLayersOptions>(json.ToJsonString());
        Assert.AreEqual(options with { RelPosKwargs = null }, read with { RelPosKwargs = null });
        CollectionAssert.AreEqual(new[] { 0.5f }, read.RelPosKwargs!.Slopes!.ToArray());
    }

    [TestMethod]
    public void Cross_attention_is_as_attention_with_its_own_on_top()
    {
        AttentionLayersOptions options = Read<AttentionLayersOptions>(
            """{"dim":8,"attn_dim_head":16,"attn_kv_heads":2,"attn_max_attend_past":3,"cross_attn_kv_heads":null,"cross_attn_dropout":0.5,"cross_attn_causal":true}""");
        Assert.AreEqual(new AttentionOptions { DimHead = 16, KvHeads = 2, MaxAttendPast = 3 }, options.Attn);
        Assert.AreEqual(new AttentionOptions { DimHead = 16, Dropout = 0.5f, Causal = true }, options.CrossAttn);
        Assert.IsNull(Read<AttentionLayersOptions>("""{"dim":8,"attn_dim_head":16}""").CrossAttn, "Nobody named it.");
        Assert.AreEqual(16, Read<AttentionLayersOptions>("""{"dim":8,"attn_dim_head":16,"attn_max_attend_past":3}""").CrossAttention().DimHead);
        Assert.IsNull(Read<AttentionLayersOptions>("""{"dim":8,"attn_dim_head":16,"attn_max_attend_past":3}""").CrossAttention().MaxAttendPast);
    }

    [TestMethod]
    public void A_tree_of_options_is_written_flat_and_read_back()
    {
        AttentionOptions attn = new() { DimHead = 16, KvHeads = 2, MaxAttendPast = 3 };
        AttentionLayersOptions[] all =
        [
            new() { Dim = 8, Attn = attn },
            new() { Dim = 8, Attn = attn, CrossAttn = new() { DimContext = 5 } },
            new() { Dim = 8, Attn = attn, CrossAttn = attn with { DimContext = 5 } },
            new() { Dim = 8, CrossAttn = new() { MaxAttendPast = 4, Causal = true }, Ff = new() { Glu = true, Mult = 1.5 } },
        ];
        foreach (AttentionLayersOptions options in all)
            Assert.AreEqual(options, Read<AttentionLayersOptions>(OptionsJson.Write(options).ToJsonString()));
        Assert.AreEqual(
            """{"dim":8,"attn_dim_head":16,"attn_kv_heads":2,"attn_max_attend_past":3,"cross_attn_dim_head":64,"cross_attn_dim_context":5,"cross_attn_kv_heads":null}""",
            OptionsJson.Write(all[1]).ToJsonString());
    }

    [TestMethod]
    [DataRow("""{"class":"Encodr","kwargs":{}}""", "the nearest is 'Encoder'")]
    [DataRow("""{"class":"Encoder"}""", "no \"kwargs\"")]
    [DataRow("""{"kwargs":{}}""", "\"class\" and \"kwargs\"")]
    [DataRow("""{"class":"Decoder","kwargs":{"dim":8,"depth":1,"causal":true}}""", "takes no causal")]
    [DataRow("{", "not valid JSON")]
    public void A_wrong_description_says_what_is_wrong(string json, string message)
        => Assert.Contains(message, Assert.ThrowsExactly<ArgumentException>(() => ModuleFactory.Create(json, TestDevices.Get("cpu"))).Message);

    [TestMethod]
    public void A_class_that_only_upstream_has_is_unsupported()
        => Assert.AreEqual(
            "BeliefStateWrapper",
            Assert.ThrowsExactly<UnsupportedOptionException>(
                () => ModuleFactory.Create("""{"class":"BeliefStateWrapper","kwargs":{}}""", TestDevices.Get("cpu"))).Option);

    [TestMethod]
    public void Call_arguments_are_never_ignored()
    {
        ComputeDevice device = TestDevices.Get("cpu");
        using Module model = ModuleFactory.Create("""{"class":"Encoder","kwargs":{"dim":8,"depth":1,"heads":2,"attn_dim_head":4}}""", device);
        using Tensor x = Tensor.Zeros(device, [1, 3, 8]);
        Assert.AreEqual(
            "mems",
            Assert.ThrowsExactly<UnsupportedOptionException>(()
                => model.Invoke(new CallArguments(new Dictionary<string, Tensor> { ["x"] = x, ["mems"] = x }))).Option);
        Assert.Contains(
            "the nearest is 'mask'",
            Assert.ThrowsExactly<ArgumentException>(() => model.Invoke(new CallArguments(new Dictionary<string, Tensor> { ["x"] = x, ["maks"] = x }))).Message);
        Assert.Contains(
            "'x' is missing", Assert.ThrowsExactly<ArgumentException>(() => model.Invoke(new CallArguments(new Dictionary<string, Tensor>()))).Message);
        using JsonDocument constants = JsonDocument.Parse("""{"return_hiddens":true}""");
        Assert.AreEqual(
            "return_hiddens",
            Assert.ThrowsExactly<UnsupportedOptionException>(()
                => model.Invoke(new CallArguments(new Dictionary<string, Tensor> { ["x"] = x }, constants.RootElement))).Option);
    }

    private static TOptions Read<TOptions>(string json)
        where TOptions : class
    {
        using JsonDocument document = JsonDocument.Parse(json);
        return OptionsJson.Read<TOptions>(document.RootElement, "Test");
    }
}
