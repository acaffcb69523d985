#!/usr/bin/env python3
"""Copies a part of a folder of golden vectors: the seed example, every small case of the families that the first tier covers, and a choice of the wrappers and tables.

usage: tools/select-goldens.py SOURCE [TARGET]      TARGET is Tests/Goldens when left out

Files are copied as they are, so their SHA-256 in the manifest still holds; the manifest keeps its form and lists only what was copied.
"""
import json
import pathlib
import shutil
import sys

FAMILIES = [
    "seed", "enc_plain", "enc_alibi", "enc_cross", "enc_cross_alibi", "dec_causal", "dec_alibi", "dec_cross", "dec_cross_alibi",
    "cross_attender", "sdpa", "ff", "norm", "kv_heads",
]
ALWAYS = ["seed_example_bf16", "sdpa__f32_key_padding_row_dead", "interm__enc_alibi", "interm__enc_cross"]
CHOSEN = [
    "wrapper_dec__cross_attend", "wrapper_dec__memory_tokens", "wrapper_dec__return_logits_and_embeddings", "wrapper_dec__tied",
    "wrapper_enc__average_pool", "wrapper_enc__cls_token", "wrapper_enc__custom_pos", "wrapper_enc__emb_dim", "wrapper_enc__emb_frac_gradient", "wrapper_enc__embed_ids",
    "wrapper_enc__l2norm_embed_tied", "wrapper_enc__memory_tokens", "wrapper_enc__post_emb_norm", "wrapper_enc__prepend_embeds", "wrapper_enc__scaled_sinu",
    "wrapper_enc__squeeze_logits1", "wrapper_enc__sum_embeds",
    "ar__abs", "ar__cross", "ar__lens", "ar__pad_value", "ar__prepend_embeds", "ar__prompt_lens_abs", "ar__return_outputs",
    "vit__one_channel_post_emb_norm", "vit__registers",
    "continuous__cross", "continuous__lens", "continuous__memory_tokens", "continuous__prepend",
    "xtransformer__nomask", "xtransformer__tied",
    "table__activations", "table__alibi", "table__cross_entropy", "table__norm_eps",
]
LARGEST_FILE = 80 * 1024


def main() -> None:
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    source = pathlib.Path(sys.argv[1])
    target = pathlib.Path(sys.argv[2]) if len(sys.argv) == 3 else pathlib.Path(__file__).parent.parent / "Tests" / "Goldens"
    manifest = json.loads((source / "manifest.json").read_text())
    cases = [
        case for case in manifest["cases"]
        if case["name"] in ALWAYS + CHOSEN or (case["family"] in FAMILIES and case["bytes"] <= LARGEST_FILE)
    ]
    target.mkdir(parents=True, exist_ok=True)
    for old in target.glob("*.safetensors"):
        old.unlink()
    for case in cases:
        shutil.copyfile(source / case["file"], target / case["file"])
    manifest |= {"cases": cases, "num_cases": len(cases), "total_bytes": sum(case["bytes"] for case in cases), "set": "repository"}
    head = json.dumps({key: value for key, value in manifest.items() if key != "cases"}, indent=1)
    lines = ",\n".join(json.dumps(case) for case in cases)
    (target / "manifest.json").write_text(f'{head[:-2]},\n "cases": [\n{lines}\n]}}\n')
    print(f"{len(cases)} cases, {manifest['total_bytes']:,} bytes in {target}")
    for family in sorted({case["family"] for case in cases}):
        print(f"  {family}: {sum(case['family'] == family for case in cases)}")


if __name__ == "__main__":
    main()
