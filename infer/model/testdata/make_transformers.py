"""Makes transformers_*.gguf and .json: random Llamas of Hugging Face
transformers, written as GGUF by hand, with the logits and the greedy
continuation that transformers computes for them.

The committed files were made on a CPU with Python 3.11, torch 2.15.0 and
transformers 5.23.0, which the .json files repeat. Run it in this folder:

    python make_transformers.py
"""

import json
import struct

import torch
import transformers

F32, F16 = 0, 1
PROMPT = [1, 17, 200, 3, 3, 90, 255, 41, 0, 128, 64, 33, 8, 71, 5, 250, 17, 200]
POSITIONS = [0, 1, 9, len(PROMPT) - 1]
STEPS = 64


def make_model(seed, **options):
    torch.manual_seed(seed)
    config = transformers.LlamaConfig(
        vocab_size=256, hidden_size=64, intermediate_size=96, num_hidden_layers=2,
        num_attention_heads=4, num_key_value_heads=2, max_position_embeddings=128,
        rms_norm_eps=1e-5, bos_token_id=None, eos_token_id=None, **options)
    model = transformers.LlamaForCausalLM(config).eval()
    with torch.no_grad():
        for name, p in model.named_parameters():
            p.normal_(1 if "norm" in name else 0, 0.2)
            p.copy_(p.half().float())  # so that float16 files hold the same weights
    return model


def interleave(weight, heads):
    """Rows in the order of GGUF: rotated pairs side by side, not half a head apart."""
    rows, cols = weight.shape
    return weight.reshape(heads, 2, rows // heads // 2, cols).swapaxes(1, 2).reshape(rows, cols)


def tensors(model):
    c, w = model.config, model.state_dict()
    yield "token_embd.weight", w["model.embed_tokens.weight"]
    names = {
        "attn_norm": "input_layernorm", "attn_q": "self_attn.q_proj", "attn_k": "self_attn.k_proj",
        "attn_v": "self_attn.v_proj", "attn_output": "self_attn.o_proj",
        "ffn_norm": "post_attention_layernorm", "ffn_gate": "mlp.gate_proj",
        "ffn_up": "mlp.up_proj", "ffn_down": "mlp.down_proj",
    }
    for i in range(c.num_hidden_layers):
        for ours, theirs in names.items():
            weight = w[f"model.layers.{i}.{theirs}.weight"]
            if ours == "attn_q":
                weight = interleave(weight, c.num_attention_heads)
            if ours == "attn_k":
                weight = interleave(weight, c.num_key_value_heads)
            yield f"blk.{i}.{ours}.weight", weight
    yield "output_norm.weight", w["model.norm.weight"]
    if not c.tie_word_embeddings:
        yield "output.weight", w["lm_head.weight"]


def text(s):
    return struct.pack("<Q", len(s)) + s.encode()


def entry(key, value):
    if isinstance(value, str):
        return text(key) + struct.pack("<I", 8) + text(value)
    if isinstance(value, float):
        return text(key) + struct.pack("<If", 6, value)
    return text(key) + struct.pack("<II", 4, value)


def write_gguf(path, model, kind, theta, scale):
    c = model.config
    meta = {
        "general.architecture": "llama",
        "llama.block_count": c.num_hidden_layers,
        "llama.embedding_length": c.hidden_size,
        "llama.feed_forward_length": c.intermediate_size,
        "llama.attention.head_count": c.num_attention_heads,
        "llama.attention.head_count_kv": c.num_key_value_heads,
        "llama.attention.key_length": c.head_dim,
        "llama.attention.value_length": c.head_dim,
        "llama.attention.layer_norm_rms_epsilon": c.rms_norm_eps,
        "llama.rope.freq_base": theta,
        "llama.rope.dimension_count": c.head_dim,
        "llama.context_length": c.max_position_embeddings,
        "llama.vocab_size": c.vocab_size,
    }
    if scale != 1:
        meta["llama.rope.scaling.type"] = "linear"
        meta["llama.rope.scaling.factor"] = scale
    infos, data, count = b"", b"", 0
    for name, weight in tensors(model):
        stored = F32 if weight.dim() == 1 else kind
        raw = weight.contiguous().to(torch.float16 if stored == F16 else torch.float32).numpy().tobytes()
        dims = list(reversed(weight.shape))
        infos += text(name) + struct.pack(f"<I{len(dims)}QIQ", len(dims), *dims, stored, len(data))
        data += raw + bytes(-len(raw) % 32)
        count += 1
    head = b"GGUF" + struct.pack("<IQQ", 3, count, len(meta))
    head += b"".join(entry(k, v) for k, v in meta.items()) + infos
    with open(path, "wb") as f:
        f.write(head + bytes(-len(head) % 32) + data)


def expectations(model, seed):
    tokens, margins = list(PROMPT), []
    with torch.no_grad():
        logits = model(torch.tensor([PROMPT])).logits[0]
        for _ in range(STEPS):
            last = model(torch.tensor([tokens]), use_cache=False).logits[0, -1]
            best = last.topk(2)
            margins.append((best.values[0] - best.values[1]).item())
            tokens.append(best.indices[0].item())
    if min(margins) < 4e-3 or len(set(tokens)) < 30:
        return None  # a choice hangs on rounding, or the text runs in a circle
    return {
        "seed": seed, "torch": torch.__version__, "transformers": transformers.__version__,
        "prompt": PROMPT, "positions": POSITIONS,
        "logits": [[round(x, 6) for x in logits[i].tolist()] for i in POSITIONS],
        "greedy": tokens[len(PROMPT):],
    }


def make(name, kind, theta, scale, **options):
    rope = {"rope_type": "default", "rope_theta": theta}
    if scale != 1:
        rope = {"rope_type": "linear", "factor": scale, "rope_theta": theta}
    for seed in range(1, 1000):
        model = make_model(seed, rope_parameters=rope, **options)
        expected = expectations(model, seed)
        if expected is not None:
            break
    write_gguf(f"transformers_{name}.gguf", model, kind, theta, scale)
    with open(f"transformers_{name}.json", "w") as f:
        json.dump(expected, f)


if __name__ == "__main__":
    make("tied", F32, 10000.0, 1, tie_word_embeddings=True, head_dim=16)
    make("untied", F16, 500000.0, 2.0, tie_word_embeddings=False, head_dim=32)
