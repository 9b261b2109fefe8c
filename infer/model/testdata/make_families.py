"""Makes the directories beside it: for every model family a tiny random model
as Hugging Face transformers saves it, with the numbers that transformers
computes for it.

Each directory NAME holds

    config.json        as transformers saves it (chatglm and baichuan: as the
                       model's own repository lays it out)
    config.v4.json     the same in the words of transformers 4 (rope_theta,
                       rope_scaling, torch_dtype), which most published models
                       still use; only where the words differ
    model.safetensors  all weights in float16
    expected.json      what transformers computes from these rounded weights in
                       float32, on one thread of a CPU, with eager attention:
                       decoders   prompt, positions, logits[position][vocab],
                                  greedy (64 ids that follow the prompt)
                       encoders   inputs, hidden[position][dim] (the last
                                  layer's), mean and cls (pooled), both of them
                                  divided by their length, pooler (after its
                                  tanh), or scores
                       encoder-decoders  source, prompt (of the decoder, with
                                  its start token), positions, logits, greedy

Numbers are rounded to 7 significant digits. Before a fixture is written the
script checks that float64 agrees within 1e-6 of the logits' scale (RoPE tables,
norms and softmax stay float32 in transformers), that no greedy choice hangs on
less than 1e-3 of it, that the text does not run in a circle, that every
tensor matters (but the biases of keys, which softmax drops where no rotation
follows), that INT8 weights and activations would give about the same logits,
and that every feature of the family (a window, a soft cap, a
rope scaling, ...) moves the logits by more than 1e-2 of their scale when it is
switched off. Seeds are tried from 1 upwards until all of this holds.

The committed files were made on a CPU with Python 3.11, torch 2.15.0 and
transformers 5.24.0, which every expected.json repeats. Run it in this folder,
for all families or for the named ones:

    python make_families.py [NAME ...]
"""

import json
import math
import pathlib
import re
import sys
from dataclasses import dataclass, field
from typing import Callable

import safetensors.torch
import torch
import transformers as hf

VOCAB = 96
PROMPT = [5, 17, 90, 33, 3, 3, 71, 41, 8, 64, 28, 95, 50, 12, 77, 20,
          61, 33, 9, 84, 46, 2, 58, 37, 15, 69, 80, 24, 11, 53, 88, 42]
POSITIONS = [0, 1, 7, 15, 23, len(PROMPT) - 1]
STEPS = 64
MAX_POSITIONS = 128  # at least len(PROMPT) + STEPS


@dataclass
class Family:
    """A model class, the arguments of its config, and what must matter in it."""

    model: type
    config: type
    options: dict
    # Each entry changes options, or edits the model if it is a function.
    switches: dict = field(default_factory=dict)
    gains: dict = field(default_factory=dict)  # regex of a name -> factor of its spread
    final: str = "lm_head.weight"  # scaled until the logits spread by SPREAD
    forward: Callable = lambda model, ids: model(input_ids=ids, use_cache=False).logits
    repack: Callable | None = None  # rewrites the saved directory
    note: str = ""
    kind: str = "decoder"
    untie: bool = False  # T5 of transformers 5 cannot say it in its config


SPREAD = 3.0  # standard deviation of the logits
CLOSE = 0.9992  # cosine of INT8 logits with exact ones
MARGIN = 1e-3  # of a greedy choice over the second best, relative to the largest logit

EAGER = {"attn_implementation": "eager", "experts_implementation": "eager"}

# Biases of keys shift all scores of a query alike, so softmax drops them where
# no rotation follows.
IDLE = re.compile(r"(attention\.self\.key|k_proj)\.bias$")


def zero(pattern, to=0.0):
    """A switch that overwrites all parameters whose name matches."""

    def edit(model):
        hits = 0
        for name, p in [*model.named_parameters(), *model.named_buffers()]:
            if re.search(pattern, name):
                p.data.fill_(to)
                hits += 1
        assert hits, f"no parameter matches {pattern}"

    return edit


def randomize(model, family):
    """Matrices keep the size of what passes through them; norms and biases vary."""
    buffers = [(n, b) for n, b in model.named_buffers() if n == "final_logits_bias"]
    with torch.no_grad():
        for name, p in [*model.named_parameters(), *buffers]:
            if re.search(r"bias$", name):
                p.normal_(0, 0.3)
            elif p.dim() == 1:
                p.normal_(0.3 if "gemma" in model.config.model_type else 1.1, 0.25)
            elif re.search(r"embed|shared|wte|wpe|emb", name):
                p.normal_(0, 0.5)
            elif "relative_attention_bias" in name:
                p.normal_(0, 1.5)
            else:
                conv1d = isinstance(model.get_submodule(name.rpartition(".")[0]), hf.pytorch_utils.Conv1D)
                p.normal_(0, p.shape[0 if conv1d else -1] ** -0.5)
                if re.search(r"(q|k|q_proj|k_proj|query|key|query_key_value|W_pack|qkv_proj|c_attn|gate|router)\.weight$", name):
                    p.mul_(1.5)
            for pattern, gain in family.gains.items():
                if re.search(pattern, name):
                    p.mul_(gain)


def spread_logits(model, family):
    """Scales the last norm or matrix; Gemma's norms add one to their weight.

    A last norm before a tied matrix gets weights of both signs: the logits of
    the tokens just read would tower over all others, and the text repeat one."""
    final = model.get_parameter(family.final)
    one = 1.0 if "gemma" in model.config.model_type and final.dim() == 1 else 0.0
    if final.dim() == 1:
        with torch.no_grad():
            final.normal_(-one, 1)
    cap = getattr(model.config, "final_logit_softcapping", None)
    if cap is not None:
        model.config.final_logit_softcapping = None  # while measuring
    with torch.no_grad():
        source = PROMPT[::-1] if family.kind == "encoder-decoder" else None
        scale = SPREAD / run(model, family, PROMPT, source).std().item()
        final.copy_((final + one) * scale - one)
    if cap is not None:
        model.config.final_logit_softcapping = cap


def build(family, overrides=None):
    config = family.config(**{**family.options, **(overrides or {})})
    config._attn_implementation = config._experts_implementation = "eager"
    model = family.model(config).eval()
    if family.untie:
        model.lm_head.weight = torch.nn.Parameter(model.lm_head.weight.detach().clone())
    return model


def run(model, family, ids, source=None):
    """Logits or hidden states [len(ids)][...] of one sequence."""
    with torch.no_grad():
        ids = torch.tensor([ids])
        if source is None:
            return family.forward(model, ids)[0]
        return model(input_ids=torch.tensor([source]), decoder_input_ids=ids, use_cache=False).logits[0]


def save(model, where):
    """Writes config.json and model.safetensors in float16, nothing else."""
    where.mkdir(exist_ok=True)
    for f in where.iterdir():
        f.unlink()
    model.half().save_pretrained(where)
    (where / "generation_config.json").unlink(missing_ok=True)


def load(family, where, dtype):
    return family.model.from_pretrained(where, dtype=dtype, **EAGER).eval()


def greedy(model, family, prompt, steps, source):
    """Continuation by plain argmax over the whole sequence, and its smallest margin."""
    tokens, margin = list(prompt), math.inf
    for _ in range(steps):
        last = run(model, family, tokens, source)[-1]
        best = last.topk(2)
        margin = min(margin, (best.values[0] - best.values[1]).item() / last.abs().max().item())
        tokens.append(best.indices[0].item())
        if margin < MARGIN:
            break
    return tokens[len(prompt):], margin


def routing(model, ids):
    """The smallest margin of the router's last chosen expert over the first one left out."""
    k = model.config.num_experts_per_tok
    with torch.no_grad():
        layers = model(input_ids=torch.tensor([ids]), use_cache=False, output_router_logits=True).router_logits
    best = [layer.topk(k + 1).values for layer in layers]
    return min((b[:, k - 1] - b[:, k]).min().item() for b in best)


def difference(a, b):
    return ((a - b).abs().max() / a.abs().max()).item()


def matters(model, family, ids, source):
    """The smallest change of the output that negating any one tensor makes."""
    base = run(model, family, ids, source)
    least = (math.inf, "")
    buffers = [(n, b) for n, b in model.named_buffers() if n == "final_logits_bias"]
    for name, p in [*model.named_parameters(), *buffers]:
        if IDLE.search(name):
            continue
        p.data.neg_()
        least = min(least, (difference(base, run(model, family, ids, source)), name))
        p.data.neg_()
    return least


def q8(t, dim=-1):
    """Rounded in blocks of 32 along a dimension to multiples of their largest value over 127."""
    t = t.transpose(dim, -1)
    blocks = t.reshape(*t.shape[:-1], -1, 32)
    scale = (blocks.abs().amax(-1, keepdim=True) / 127).half().float()
    codes = torch.where(scale > 0, torch.round(blocks / scale.clamp(min=1e-30)), 0.0)
    return (codes * scale).reshape(t.shape).transpose(dim, -1)


def quantized(family, where, ids, source):
    """The output with matrices, and what they are multiplied with, about as INT8 has them."""
    model = load(family, where, torch.float32)
    for name, p in model.named_parameters():
        module = model.get_submodule(name.rpartition(".")[0])
        if p.dim() > 1 and p.shape[-1] % 32 == 0 and not re.search(r"mlp\.gate\.|router|wpe|position|relative", name):
            p.data = q8(p.data, 0 if isinstance(module, hf.pytorch_utils.Conv1D) else -1)
            if "embed" not in name and "wte" not in name and "shared" not in name:
                module.register_forward_pre_hook(lambda _, args: (q8(args[0]), *args[1:]) if args else None)
    return run(model, family, ids, source)


def switches(model, family, ids, source):
    """How much the output changes when a feature is off, per feature."""
    base, changes = run(model, family, ids, source), {}
    for name, switch in family.switches.items():
        other = build(family, None if callable(switch) else switch)
        other.load_state_dict(model.state_dict(), strict=False)
        if callable(switch):
            switch(other)
        changes[name] = difference(base, run(other, family, ids, source))
    return changes


def rounded(t):
    if t.dim() == 0:
        return float(f"{t.item():.7g}")
    return [rounded(x) for x in t]


def stamp(family, seed):
    note = {"note": family.note} if family.note else {}
    return {**note, "seed": seed, "torch": torch.__version__, "transformers": hf.__version__}


def expect_text(model, family):
    """Logits and greedy continuation, or the reason to try another seed."""
    source = PROMPT[::-1] if family.kind == "encoder-decoder" else None
    prompt = PROMPT
    if source:
        prompt = [model.config.decoder_start_token_id, *PROMPT[:7]]
    positions = POSITIONS if source is None else list(range(len(prompt)))
    logits = run(model, family, prompt, source)
    text, margin = greedy(model, family, prompt, STEPS, source)
    if margin < MARGIN:
        return f"margin {margin:.1e}", None
    if len(set(text)) < 18:
        return f"only {len(set(text))} different tokens", None
    expected = {**({"source": source} if source else {}), "prompt": prompt, "positions": positions,
                "logits": rounded(logits[positions]), "greedy": text}
    return (prompt + text, source), expected


def expect_vectors(model, family):
    inputs = [0, *PROMPT[2:25], 2]
    out = run(model, family, inputs)
    if out.dim() == 1:
        return (inputs, None), {"inputs": inputs, "scores": rounded(out)}
    out, pooler = out[:-1], out[-1]
    mean, cls = out.mean(0), out[0]
    return (inputs, None), {
        "inputs": inputs, "hidden": rounded(out), "mean": rounded(mean), "cls": rounded(cls),
        "mean_normalized": rounded(mean / mean.norm()), "cls_normalized": rounded(cls / cls.norm()),
        "pooler": rounded(pooler)}


def try_seed(family, where, seed):
    """Writes the directory and returns None, or returns what is wrong with the seed."""
    torch.manual_seed(seed)
    model = build(family)
    randomize(model, family)
    if family.kind != "encoder":
        spread_logits(model, family)
    save(model, where)
    model = load(family, where, torch.float32)
    (args, expected) = (expect_vectors if family.kind == "encoder" else expect_text)(model, family)
    if expected is None:
        return args
    if hasattr(model.config, "num_experts_per_tok") and (margin := routing(model, args[0])) < MARGIN:
        return f"a choice of experts has the margin {margin:.1e}"
    exact = load(family, where, torch.float64)
    base = run(model, family, *args)
    if (off := difference(run(exact, family, *args), base)) > 1e-6:
        return f"float64 differs by {off:.1e}"
    least, name = matters(model, family, *args)
    if least < 1e-2:
        return f"{name} changes only {least:.1e}"
    if family.kind == "decoder":
        close = torch.nn.functional.cosine_similarity(quantized(family, where, *args).flatten(), base.flatten(), dim=0).item()
        if close < CLOSE:
            return f"INT8 has the cosine {close:.5f}"
    changes = switches(model, family, *args)
    if any(change < 1e-2 for change in changes.values()):
        return f"a feature matters too little: {changes}"
    print(f"  seed {seed}: std {base.std(correction=0):.2f} max {base.abs().max():.1f}, float64 {off:.0e}, least tensor {least:.2f} ({name}),",
          " ".join(f"{k} {v:.2f}" for k, v in changes.items()))
    expected |= stamp(family, seed)
    (where / "expected.json").write_text(json.dumps(expected) + "\n")
    return None


def write_v4_config(where):
    """Writes config.v4.json where transformers 4 said the same in other words."""
    config = json.loads((where / "config.json").read_text())
    old = dict(config)
    rope = old.pop("rope_parameters", None)
    if "dtype" in old:
        old["torch_dtype"] = old.pop("dtype")
    if rope is None:
        return
    if "full_attention" in rope:  # Gemma 3: two thetas
        old["rope_theta"] = rope["full_attention"]["rope_theta"]
        old["rope_local_base_freq"] = rope["sliding_attention"]["rope_theta"]
        rope = {k: v for k, v in rope["full_attention"].items() if k != "rope_theta"}
    if config["model_type"].startswith("gemma"):
        old.pop("layer_types")
        if "_sliding_window_pattern" in old:
            old["sliding_window_pattern"] = old.pop("_sliding_window_pattern")
    rope = dict(rope)
    partial, theta = rope.pop("partial_rotary_factor", None), rope.pop("rope_theta", None)
    if config["model_type"] == "gpt_neox":
        old |= {"rotary_pct": partial, "rotary_emb_base": int(theta)}
    else:
        if theta is not None:
            old["rope_theta"] = theta
        if partial is not None:
            old["partial_rotary_factor"] = partial
        old["rope_scaling"] = None if rope["rope_type"] == "default" else rope
        if config["model_type"] == "phi3":
            if rope["rope_type"] == "longrope":
                old["rope_scaling"] = {"type": "longrope", "short_factor": rope["short_factor"], "long_factor": rope["long_factor"]}
            old.pop("partial_rotary_factor", None) if partial == 1.0 else None
    old["transformers_version"] = "4.50.0"
    (where / "config.v4.json").write_text(json.dumps(old, indent=2, sort_keys=True) + "\n")


def check_v4_config(family, where):
    """Transformers must understand config.v4.json as it does config.json."""
    if not (where / "config.v4.json").exists() or family.repack:
        return
    new = load(family, where, torch.float32)
    old_config = family.config.from_dict(json.loads((where / "config.v4.json").read_text()))
    old = family.model.from_pretrained(where, config=old_config, dtype=torch.float32, **EAGER).eval()
    ids = json.loads((where / "expected.json").read_text())["prompt"]
    assert torch.equal(run(new, family, ids), run(old, family, ids)), f"{where}: config.v4.json means something else"


def make(name, here):
    family, where = FAMILIES[name], here / name
    print(name, flush=True)
    for seed in range(1, 2000):
        fault = try_seed(family, where, seed)
        if fault is None:
            break
        print(f"  seed {seed}: {fault}", flush=True)
    else:
        raise SystemExit(f"{name}: no seed will do")
    write_v4_config(where)
    if family.repack:
        family.repack(where)
    check_v4_config(family, where)
    size = sum(f.stat().st_size for f in where.iterdir())
    print(f"  {size / 1024:.0f} KiB")


def rewrite(where, config, rename):
    """Replaces config and tensors of a saved model."""
    file = where / "model.safetensors"
    weights = rename(safetensors.torch.load_file(file))
    safetensors.torch.save_file({k: v.contiguous() for k, v in weights.items()}, file, metadata={"format": "pt"})
    (where / "config.json").write_text(json.dumps(config, indent=2) + "\n")
    (where / "config.v4.json").unlink(missing_ok=True)


def repack_chatglm(where):
    """The layout of glm-4-9b-chat's own repository: fused QKV, encoder.layers."""
    c = json.loads((where / "config.json").read_text())
    dim = c["head_dim"]
    config = {
        "architectures": ["ChatGLMModel"], "model_type": "chatglm",
        "add_bias_linear": False, "add_qkv_bias": True, "apply_query_key_layer_scaling": True,
        "apply_residual_connection_post_layernorm": False, "attention_dropout": 0.0,
        "attention_softmax_in_fp32": True, "bias_dropout_fusion": True,
        "ffn_hidden_size": c["intermediate_size"], "fp32_residual_connection": False,
        "hidden_dropout": 0.0, "hidden_size": c["hidden_size"], "kv_channels": dim,
        "layernorm_epsilon": c["rms_norm_eps"], "multi_query_attention": True,
        "multi_query_group_num": c["num_key_value_heads"],
        "num_attention_heads": c["num_attention_heads"], "num_hidden_layers": c["num_hidden_layers"],
        "num_layers": c["num_hidden_layers"], "rope_ratio": c["rope_parameters"]["rope_theta"] / 10000,
        "original_rope": True, "padded_vocab_size": c["vocab_size"], "post_layer_norm": True,
        "rmsnorm": True, "seq_length": c["max_position_embeddings"], "use_cache": True,
        "torch_dtype": "float16", "transformers_version": "4.30.2", "tie_word_embeddings": False,
        "eos_token_id": c["eos_token_id"], "pad_token_id": c["pad_token_id"],
    }
    rotary = dim // 2
    inv_freq = 1 / (c["rope_parameters"]["rope_theta"] ** (torch.arange(0, rotary, 2).float() / rotary))

    def rename(w):
        out = {
            "transformer.embedding.word_embeddings.weight": w["model.embed_tokens.weight"],
            "transformer.rotary_pos_emb.inv_freq": inv_freq.half(),
            "transformer.encoder.final_layernorm.weight": w["model.norm.weight"],
            "transformer.output_layer.weight": w["lm_head.weight"],
        }
        for i in range(c["num_hidden_layers"]):
            old, new = f"model.layers.{i}.", f"transformer.encoder.layers.{i}."
            for kind in ("weight", "bias"):
                out[f"{new}self_attention.query_key_value.{kind}"] = torch.cat(
                    [w[f"{old}self_attn.{x}_proj.{kind}"] for x in "qkv"])
            out |= {
                f"{new}self_attention.dense.weight": w[f"{old}self_attn.o_proj.weight"],
                f"{new}input_layernorm.weight": w[f"{old}input_layernorm.weight"],
                f"{new}post_attention_layernorm.weight": w[f"{old}post_attention_layernorm.weight"],
                f"{new}mlp.dense_h_to_4h.weight": w[f"{old}mlp.gate_up_proj.weight"],
                f"{new}mlp.dense_4h_to_h.weight": w[f"{old}mlp.down_proj.weight"],
            }
        return out

    rewrite(where, config, rename)


def repack_baichuan(alibi):
    """The layout of Baichuan's own repositories: W_pack, and in the 13B's config
    model_max_length but no max_position_embeddings."""

    def repack(where):
        c = json.loads((where / "config.json").read_text())
        length = {"model_max_length": c["max_position_embeddings"]} if alibi else {
            "max_position_embeddings": c["max_position_embeddings"]}
        config = {
            "architectures": ["BaichuanForCausalLM"], "model_type": "baichuan",
            "hidden_act": "silu", "hidden_size": c["hidden_size"], "initializer_range": 0.02,
            "intermediate_size": c["intermediate_size"], **length,
            "num_attention_heads": c["num_attention_heads"], "num_hidden_layers": c["num_hidden_layers"],
            "rms_norm_eps": c["rms_norm_eps"], "tie_word_embeddings": False, "torch_dtype": "float16",
            "transformers_version": "4.29.1", "use_cache": True, "vocab_size": c["vocab_size"],
            "bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 0,
        }

        def rename(w):
            out = {}
            for name, t in w.items():
                if name.endswith(".q_proj.weight"):
                    packed = [w[name.replace("q_proj", x + "_proj")] for x in "qkv"]
                    out[name.replace("q_proj", "W_pack")] = torch.cat(packed)
                elif not re.search(r"\.[kv]_proj\.", name):
                    out[name] = t
            return out

        rewrite(where, config, rename)

    return repack


def alibi_slopes(heads):
    """The slopes of Press et al., "Train Short, Test Long", as Baichuan-13B has
    them: for other head counts than powers of two, every second one of twice
    as many heads follows."""
    whole = 2 ** math.floor(math.log2(heads))
    slopes = [2 ** (-8 * (i + 1) / whole) for i in range(whole)]
    return slopes + [2 ** (-4 * (2 * i + 1) / whole) for i in range(heads - whole)]


def forward_alibi(model, ids):
    """Llama without rotation (all positions are 0) and with ALiBi as its mask."""
    n, dtype = ids.shape[1], model.dtype
    if not hasattr(model, "slopes"):
        model.slopes = alibi_slopes(model.config.num_attention_heads)
    position = torch.arange(n)
    distance = (position[None, :] - position[:, None]).to(dtype)
    bias = torch.tensor(model.slopes, dtype=dtype)[:, None, None] * distance
    mask = bias.masked_fill(distance > 0, torch.finfo(dtype).min)[None]
    return model(input_ids=ids, attention_mask=mask, position_ids=torch.zeros_like(ids), use_cache=False).logits


def flat(model):
    """A switch: ALiBi without slopes."""
    model.slopes = [0.0] * model.config.num_attention_heads


def hidden(model, ids):
    """Last hidden states, and below them the pooler's output as one more row."""
    out = model(input_ids=ids)
    return torch.cat([out.last_hidden_state, out.pooler_output[:, None]], dim=1)


def rope(theta=10000.0, kind="default", **options):
    return {"rope_type": kind, "rope_theta": theta, **options}


SPECIAL = dict(bos_token_id=1, eos_token_id=2, pad_token_id=0)
COMMON = dict(vocab_size=VOCAB, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2,
              max_position_embeddings=MAX_POSITIONS, rms_norm_eps=1e-5, **SPECIAL)
NARROW = dict(COMMON, hidden_size=32, intermediate_size=64, head_dim=16)  # heads wider than the model
WIDE = dict(COMMON, hidden_size=64, intermediate_size=32)  # head_dim 16 = hidden_size / heads
LLAMA = (hf.LlamaForCausalLM, hf.LlamaConfig)

GPT2 = dict(vocab_size=VOCAB, n_positions=MAX_POSITIONS, n_ctx=MAX_POSITIONS, n_embd=32, n_layer=2, n_head=4,
            bos_token_id=1, eos_token_id=2)
NEOX = dict(vocab_size=VOCAB, hidden_size=32, num_hidden_layers=2, num_attention_heads=4, intermediate_size=64,
            max_position_embeddings=MAX_POSITIONS, bos_token_id=1, eos_token_id=2, tie_word_embeddings=False,
            rope_parameters=rope(partial_rotary_factor=0.5))
QWEN3MOE = dict(NARROW, intermediate_size=64, moe_intermediate_size=32, num_experts=4, num_experts_per_tok=2,
                norm_topk_prob=True, tie_word_embeddings=False, rope_parameters=rope(1e6))
MIXTRAL = dict(NARROW, intermediate_size=32, num_local_experts=4, num_experts_per_tok=2, sliding_window=None,
               tie_word_embeddings=False, rope_parameters=rope(1e6))
GLM = dict(WIDE, head_dim=16, attention_bias=True, tie_word_embeddings=False,
           rope_parameters=rope(partial_rotary_factor=0.5))
BAICHUAN = dict(NARROW, head_dim=8, num_key_value_heads=4, tie_word_embeddings=False, rope_parameters=rope())
GEMMA2 = dict(NARROW, query_pre_attn_scalar=24, sliding_window=12, attn_logit_softcapping=4.0,
              final_logit_softcapping=8.0, tie_word_embeddings=True, rope_parameters=rope())
GEMMA3_ROPE = {"sliding_attention": rope(100.0), "full_attention": rope(10000.0, "linear", factor=4.0)}
GEMMA3 = dict(NARROW, intermediate_size=32, num_hidden_layers=6, num_key_value_heads=1, query_pre_attn_scalar=16,
              sliding_window=12, tie_word_embeddings=True, rope_parameters=GEMMA3_ROPE)
PHI3 = dict(WIDE, original_max_position_embeddings=MAX_POSITIONS, tie_word_embeddings=False)
LONGROPE = rope(10000.0, "longrope", partial_rotary_factor=0.75, original_max_position_embeddings=16,
                short_factor=[1.0, 1.05, 1.1, 1.2, 1.3, 1.5], long_factor=[1.2, 1.7, 2.5, 4.0, 6.0, 9.0])
SMOLLM3 = dict(COMMON, hidden_size=32, intermediate_size=32, num_hidden_layers=5, tie_word_embeddings=True,
               rope_parameters=rope(50000.0))
BERT = dict(vocab_size=VOCAB, hidden_size=32, num_hidden_layers=2, num_attention_heads=4, intermediate_size=64,
            max_position_embeddings=64, pad_token_id=0)
ROBERTA = dict(BERT, max_position_embeddings=66, type_vocab_size=1, pad_token_id=1, bos_token_id=0, eos_token_id=2)
UNSCALED = {r"\.[qk]\.weight": 0.55}  # T5 does not divide scores by the root of d_kv
T5 = dict(vocab_size=VOCAB, d_model=32, d_kv=8, d_ff=64, num_layers=2, num_heads=4, relative_attention_num_buckets=16,
          decoder_start_token_id=0, pad_token_id=0, eos_token_id=1, n_positions=MAX_POSITIONS)
BART = dict(vocab_size=VOCAB, d_model=32, encoder_layers=2, decoder_layers=2, encoder_attention_heads=4,
            decoder_attention_heads=4, encoder_ffn_dim=64, decoder_ffn_dim=64, max_position_embeddings=MAX_POSITIONS,
            bos_token_id=0, pad_token_id=1, eos_token_id=2, decoder_start_token_id=2)

BIASES = zero(r"\.bias$")
QK_NORMS = {"q_norm": zero(r"q_norm\.weight$", 1.0), "k_norm": zero(r"k_norm\.weight$", 1.0)}

FAMILIES = {
    "gpt2": Family(
        hf.GPT2LMHeadModel, hf.GPT2Config, GPT2, final="transformer.ln_f.weight",
        switches={"biases": BIASES, "positions": zero(r"wpe"), "activation": {"activation_function": "relu"}}),
    "gpt_neox": Family(
        hf.GPTNeoXForCausalLM, hf.GPTNeoXConfig, NEOX,
        switches={"biases": BIASES, "parallel": {"use_parallel_residual": False},
                  "partial": {"rope_parameters": rope(partial_rotary_factor=1.0)}, "activation": {"hidden_act": "relu"}}),
    "gpt_neox_sequential": Family(
        hf.GPTNeoXForCausalLM, hf.GPTNeoXConfig, dict(NEOX, use_parallel_residual=False),
        switches={"biases": BIASES, "sequential": {"use_parallel_residual": True},
                  "partial": {"rope_parameters": rope(partial_rotary_factor=1.0)}}),
    "llama_tied": Family(
        *LLAMA, dict(WIDE, tie_word_embeddings=True, rope_parameters=rope()), final="model.norm.weight",
        switches={"theta": {"rope_parameters": rope(500.0)}, "eps": {"rms_norm_eps": 0.1}}),
    "llama": Family(
        *LLAMA, dict(NARROW, tie_word_embeddings=False, rope_parameters=rope(500000.0)),
        switches={"theta": {"rope_parameters": rope(500.0)}}),
    "llama3": Family(
        *LLAMA, dict(NARROW, tie_word_embeddings=False, rope_parameters=rope(
            500.0, "llama3", factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0, original_max_position_embeddings=32)),
        switches={"scaling": {"rope_parameters": rope(500.0)}}),
    "llama_linear": Family(
        *LLAMA, dict(NARROW, tie_word_embeddings=False, rope_parameters=rope(500.0, "linear", factor=4.0)),
        switches={"scaling": {"rope_parameters": rope(500.0)}}),
    "llama_yarn": Family(
        *LLAMA, dict(NARROW, tie_word_embeddings=False, rope_parameters=rope(
            500.0, "yarn", factor=4.0, original_max_position_embeddings=32)),
        switches={"scaling": {"rope_parameters": rope(500.0)},
                  "ramp": {"rope_parameters": rope(500.0, "yarn", factor=4.0, original_max_position_embeddings=4)},
                  "attention_factor": {"rope_parameters": rope(
                      500.0, "yarn", factor=4.0, original_max_position_embeddings=32, attention_factor=1.0)}},
        gains={"[qk]_proj": 0.75}),  # the factor of cos and sin sharpens attention
    "mistral": Family(
        hf.MistralForCausalLM, hf.MistralConfig,
        dict(NARROW, sliding_window=12, tie_word_embeddings=False, rope_parameters=rope()),
        switches={"window": {"sliding_window": None}, "window + 1": {"sliding_window": 13}}),
    "mixtral": Family(
        hf.MixtralForCausalLM, hf.MixtralConfig, MIXTRAL,
        switches={"experts": {"num_experts_per_tok": 1}}),
    "qwen2": Family(
        hf.Qwen2ForCausalLM, hf.Qwen2Config, dict(
            {k: v for k, v in WIDE.items()}, use_sliding_window=False, tie_word_embeddings=True, rope_parameters=rope(1e6)),
        final="model.norm.weight",
        switches={f"{x} bias": zero(rf"{x}_proj\.bias$") for x in "qkv"}),
    "qwen3": Family(
        hf.Qwen3ForCausalLM, hf.Qwen3Config, dict(NARROW, tie_word_embeddings=True, rope_parameters=rope(1e6)),
        final="model.norm.weight", switches=QK_NORMS),
    "qwen3_moe": Family(
        hf.Qwen3MoeForCausalLM, hf.Qwen3MoeConfig, QWEN3MOE,
        switches={**QK_NORMS, "normalized": {"norm_topk_prob": False}, "experts": {"num_experts_per_tok": 1}}),
    "glm4": Family(
        hf.Glm4ForCausalLM, hf.Glm4Config, GLM,
        switches={"biases": BIASES, "partial": {"rope_parameters": rope(partial_rotary_factor=1.0)},
                  "post norms": zero(r"post_(self_attn|mlp)_layernorm", 1.0)}),
    "glm": Family(
        hf.GlmForCausalLM, hf.GlmConfig, GLM,
        switches={"biases": BIASES, "partial": {"rope_parameters": rope(partial_rotary_factor=1.0)}}),
    "chatglm": Family(
        hf.GlmForCausalLM, hf.GlmConfig, dict(GLM, rope_parameters=rope(500000.0, partial_rotary_factor=0.5)),
        repack=repack_chatglm,
        note="numbers of GlmForCausalLM; tensors and config in the layout of glm-4-9b-chat's own repository",
        switches={"biases": BIASES, "partial": {"rope_parameters": rope(500000.0, partial_rotary_factor=1.0)},
                  "ratio": {"rope_parameters": rope(partial_rotary_factor=0.5)}}),
    "baichuan": Family(
        *LLAMA, BAICHUAN, repack=repack_baichuan(alibi=False),
        switches={"theta": {"rope_parameters": rope(500.0)}},
        note="numbers of LlamaForCausalLM; tensors and config in the layout of Baichuan-7B"),
    "baichuan_alibi": Family(
        *LLAMA, BAICHUAN, forward=forward_alibi, repack=repack_baichuan(alibi=True), switches={"alibi": flat},
        note="numbers of LlamaForCausalLM without rotation and with an ALiBi mask; tensors and config in the layout of "
             "Baichuan-13B, whose config has model_max_length and no max_position_embeddings"),
    "baichuan_alibi6": Family(
        *LLAMA, dict(BAICHUAN, hidden_size=96, intermediate_size=32, head_dim=16, num_hidden_layers=1,
                     num_attention_heads=6, num_key_value_heads=6), forward=forward_alibi,
        repack=repack_baichuan(alibi=True), switches={"alibi": flat},
        note="like baichuan_alibi, with 6 heads: slopes of a head count that is no power of two, as the 13B's 40"),
    "gemma2": Family(
        hf.Gemma2ForCausalLM, hf.Gemma2Config, GEMMA2, final="model.norm.weight",
        switches={"attention cap": {"attn_logit_softcapping": None}, "final cap": {"final_logit_softcapping": None},
                  "window": {"sliding_window": 1000}, "window + 1": {"sliding_window": 13},
                  "scale": {"query_pre_attn_scalar": 16},
                  "alternation": {"layer_types": ["full_attention", "sliding_attention"]},
                  "post norms": zero(r"post_(attention|feedforward)_layernorm")}),
    "gemma3": Family(
        hf.Gemma3ForCausalLM, hf.Gemma3TextConfig, GEMMA3, final="model.norm.weight",
        switches={"window": {"sliding_window": 1000}, "window + 1": {"sliding_window": 13},
                  "alternation": {"layer_types": ["full_attention"] + ["sliding_attention"] * 5},
                  "local theta": {"rope_parameters": GEMMA3_ROPE | {"sliding_attention": rope()}},
                  "global scaling": {"rope_parameters": GEMMA3_ROPE | {"full_attention": rope(10000.0)}},
                  "q_norm": zero(r"q_norm\.weight$"), "k_norm": zero(r"k_norm\.weight$")}),
    "phi3": Family(
        hf.Phi3ForCausalLM, hf.Phi3Config,
        dict(PHI3, sliding_window=12, rope_parameters=rope(partial_rotary_factor=1.0)),
        switches={"window": {"sliding_window": None}, "window + 1": {"sliding_window": 13}}),
    "phi3_longrope": Family(
        hf.Phi3ForCausalLM, hf.Phi3Config,
        dict(PHI3, original_max_position_embeddings=16, rope_parameters=LONGROPE),
        gains={"qkv_proj": 0.75},  # the factor of cos and sin sharpens attention
        note="transformers picks long_factor for the whole sequence as soon as it is longer than "
             "original_max_position_embeddings (16), llama.cpp by the context it was opened with; here every sequence is "
             "longer, so long_factor rules at all positions. The factor of cos and sin is "
             "sqrt(1 + ln(128/16)/ln(16)) whichever list is used.",
        switches={"factors": {"rope_parameters": LONGROPE | {"long_factor": LONGROPE["short_factor"]}},
                  "attention_factor": {"rope_parameters": LONGROPE | {"attention_factor": 1.0}}}),
    "smollm3": Family(
        hf.SmolLM3ForCausalLM, hf.SmolLM3Config, SMOLLM3, final="model.norm.weight",
        gains={"[qk]_proj": 0.75},  # five layers with sharp attention are noisier than float64's check allows
        switches={"no rope": {"no_rope_layers": [1, 1, 1, 1, 1]}, "which": {"no_rope_layers": [1, 1, 0, 1, 1]}}),
    "granite": Family(
        hf.GraniteForCausalLM, hf.GraniteConfig, dict(
            WIDE, tie_word_embeddings=False, rope_parameters=rope(500.0), attention_multiplier=0.15,
            embedding_multiplier=0.6, residual_multiplier=1.3, logits_scaling=3.0),
        switches={"attention": {"attention_multiplier": 0.25}, "embedding": {"embedding_multiplier": 1.0},
                  "residual": {"residual_multiplier": 1.0}, "logits": {"logits_scaling": 1.0}}),
    "bert": Family(
        hf.BertModel, hf.BertConfig, BERT, kind="encoder", forward=hidden,
        switches={"positions": zero("position_emb"), "types": zero("token_type"), "activation": {"hidden_act": "relu"}}),
    "bert_classify": Family(
        hf.BertForSequenceClassification, hf.BertConfig, dict(BERT, num_labels=3), kind="encoder",
        forward=lambda model, ids: model(input_ids=ids).logits, switches={"pooler": zero("pooler")}),
    "roberta": Family(
        hf.RobertaModel, hf.RobertaConfig, ROBERTA, kind="encoder", forward=hidden,
        note="the first token has position 2: pad_token_id + 1",
        switches={"positions": zero("position_emb"), "offset": {"pad_token_id": 3}}),
    "roberta_classify": Family(
        hf.XLMRobertaForSequenceClassification, hf.XLMRobertaConfig, dict(ROBERTA, num_labels=1), kind="encoder",
        forward=lambda model, ids: model(input_ids=ids).logits,
        note="the first token has position 2: pad_token_id + 1; one label, as a reranker has it",
        switches={"offset": {"pad_token_id": 3}}),
    "t5": Family(
        hf.T5ForConditionalGeneration, hf.T5Config, dict(T5, feed_forward_proj="relu"), kind="encoder-decoder",
        gains=UNSCALED,
        final="decoder.final_layer_norm.weight", switches={"buckets": zero("relative_attention_bias")}),
    "t5_gated": Family(
        hf.T5ForConditionalGeneration, hf.T5Config,
        dict(T5, d_kv=16, d_ff=32, num_decoder_layers=1, feed_forward_proj="gated-gelu", tie_word_embeddings=False),
        kind="encoder-decoder", untie=True, gains=UNSCALED,
        switches={"buckets": zero("relative_attention_bias"), "activation": {"feed_forward_proj": "gated-relu"}}),
    "bart": Family(
        hf.BartForConditionalGeneration, hf.BartConfig, BART, kind="encoder-decoder",
        gains={"embed_positions": 2, r"decoder.*self_attn\.[qk]_proj\.weight": 1.6,
               r"decoder.*self_attn\.(v|out)_proj\.weight": 2, r"encoder_attn\.out_proj\.weight": 0.4,
               r"final_layer_norm\.bias": 0.5},  # or it writes in circles
        final="model.decoder.layers.1.final_layer_norm.weight",
        switches={"biases": BIASES, "positions": zero("embed_positions"), "activation": {"activation_function": "relu"}}),
}


if __name__ == "__main__":
    hf.logging.set_verbosity_error()
    hf.utils.logging.disable_progress_bar()
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    for chosen in sys.argv[1:] or FAMILIES:
        make(chosen, pathlib.Path(__file__).parent)
