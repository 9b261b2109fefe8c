"""Random logits and options, the same for both references; see huggingface.py
and llamacpp.py. The order of the steps is that of Cusp: Hugging Face's own
generate() would apply the temperature first."""

import json
import random

VOCAB = 40

# Names are those of the API. Every case gets new logits, and a prompt and an
# answer of 20 tokens each.
OPTIONS = [
    {},
    {"temperature": 0.3},
    {"temperature": 1.7},
    {"top_k": 1},
    {"top_k": 7},
    {"top_p": 0.1},
    {"top_p": 0.5},
    {"top_p": 0.9},
    {"top_p": 0.99},
    {"min_p": 0.02},
    {"min_p": 0.3},
    {"typical_p": 0.2},
    {"typical_p": 0.5},
    {"typical_p": 0.9},
    {"typical_p": 0.99},
    {"repetition_penalty": 1.3},
    {"repetition_penalty": 0.8},
    {"repetition_penalty": 1.2, "temperature": 0.7},
    {"logit_bias": {"3": 2.5, "7": -1.25, "30": 10}},
    {"top_k": 20, "top_p": 0.8},
    {"top_k": 10, "typical_p": 0.8},
    {"typical_p": 0.7, "top_p": 0.8},
    {"typical_p": 0.6, "min_p": 0.5},
    {"top_k": 30, "typical_p": 0.95, "top_p": 0.9, "min_p": 0.05, "temperature": 0.6},
    {"repetition_penalty": 1.15, "top_k": 25, "top_p": 0.85, "temperature": 1.3},
    {"logit_bias": {"0": 5}, "repetition_penalty": 1.5, "top_p": 0.7},
]


def cases(options, seed):
    r = random.Random(seed)
    for o in options:
        spread = r.choice([1, 2, 4])
        yield {
            "options": o,
            "logits": [round(r.gauss(0, spread), 3) for _ in range(VOCAB)],
            "prompt": [r.randrange(VOCAB) for _ in range(20)],
            "answer": [r.randrange(VOCAB) for _ in range(20)],
        }


def softmax(logits):
    """Probabilities by id, of {id: logit}."""
    import math

    peak = max(logits.values())
    e = {i: math.exp(x - peak) for i, x in logits.items()}
    total = sum(e.values())
    return {str(i): float(f"{p / total:.7g}") for i, p in sorted(e.items())}


def write(path, made_with, seed, out):
    with open(path, "w") as f:
        f.write('{"made_with": %s, "seed": %d, "cases": [\n' % (json.dumps(made_with), seed))
        f.write(",\n".join(json.dumps(c, separators=(",", ":")) for c in out))
        f.write("\n]}\n")
