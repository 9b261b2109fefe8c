"""Makes llamacpp.json: what the samplers of llama.cpp leave.

    python llamacpp.py PATH/libllama.so COMMIT-OR-VERSION
"""

import ctypes as c
import sys

from cases import OPTIONS, VOCAB, cases, softmax, write

SEED = 20260402
LAST = 64  # tokens that the repetition penalty looks at

MORE = [
    {"frequency_penalty": 0.7},
    {"presence_penalty": 1.5},
    {"frequency_penalty": -0.5, "presence_penalty": 0.25},
    {"repetition_penalty": 1.2, "frequency_penalty": 0.4, "presence_penalty": 0.6, "top_p": 0.9},
    {"dry_multiplier": 0.8},
    {"dry_multiplier": 2, "dry_base": 1.2, "dry_allowed_length": 1},
    {"dry_multiplier": 0.5, "dry_base": 3, "dry_allowed_length": 4},
    {"dry_multiplier": 1, "dry_penalty_last_n": 12},
    {"dry_multiplier": 1, "dry_breakers": [[2]]},
    {"dry_multiplier": 1, "dry_breakers": [[0, 1], [0, 1, 2], [3, 3]]},
    {"dry_multiplier": 1, "dry_allowed_length": 1, "dry_breakers": [[1, 0], [1]]},
    *[{"dry_multiplier": 1, "dry_allowed_length": 1, "dry_breakers": [[a, b], [b, c, a]]} for a in range(3) for b in range(2) for c in (0, 3)],
    {"dry_multiplier": 1.5, "repetition_penalty": 1.1, "min_p": 0.1, "temperature": 0.8},
]


class Data(c.Structure):
    _fields_ = [("id", c.c_int32), ("logit", c.c_float), ("p", c.c_float)]


class Array(c.Structure):
    _fields_ = [("data", c.POINTER(Data)), ("size", c.c_size_t), ("selected", c.c_int64), ("sorted", c.c_bool)]


class Vector(c.Structure):  # std::vector of libstdc++
    _fields_ = [("begin", c.c_void_p), ("end", c.c_void_p), ("capacity", c.c_void_p)]


class Bias(c.Structure):
    _fields_ = [("token", c.c_int32), ("bias", c.c_float)]


lib = c.CDLL(sys.argv[1])


def function(name, *types):
    f = getattr(lib, name)
    f.restype, f.argtypes = c.c_void_p, types
    return f


f32, i32, size = c.c_float, c.c_int32, c.c_size_t
bias = function("llama_sampler_init_logit_bias", i32, i32, c.POINTER(Bias))
penalties = function("llama_sampler_init_penalties", i32, i32, f32, f32, f32)
top_k = function("llama_sampler_init_top_k", i32)
typical = function("llama_sampler_init_typical", f32, size)
top_p = function("llama_sampler_init_top_p", f32, size)
min_p = function("llama_sampler_init_min_p", f32, size)
temp = function("llama_sampler_init_temp", f32)
mirostat = function("llama_sampler_init_mirostat_v2", c.c_uint32, f32, f32)
dry = function(
    "_Z30llama_sampler_init_dry_testingffiiRKSt6vectorIS_IiSaIiEESaIS1_EE", f32, f32, i32, i32, c.POINTER(Vector)
)
accept = function("llama_sampler_accept", c.c_void_p, i32)
apply = function("llama_sampler_apply", c.c_void_p, c.POINTER(Array))


def vector(buffer, elements, width):
    at = c.addressof(buffer)
    return Vector(at, at + elements * width, at + elements * width)


def breakers(sequences):
    inner = [(c.c_int32 * len(q))(*q) for q in sequences]
    outer = (Vector * len(sequences))(*[vector(b, len(b), 4) for b in inner])
    v = vector(outer, len(sequences), c.sizeof(Vector))
    v.keep = (inner, outer)
    return v


def samplers(o, prompt, answer):
    """Those of the options, in Cusp's order, with what each is to have seen."""
    if "logit_bias" in o:
        all = [Bias(int(i), b) for i, b in o["logit_bias"].items()]
        yield bias(VOCAB, len(all), (Bias * len(all))(*all)), []
    if "repetition_penalty" in o:
        yield penalties(VOCAB, LAST, o["repetition_penalty"], 0, 0), prompt + answer
    if "frequency_penalty" in o or "presence_penalty" in o:
        # As OpenAI defines them, over the answer alone.
        yield penalties(VOCAB, len(answer), 1, o.get("frequency_penalty", 0), o.get("presence_penalty", 0)), answer
    if "dry_multiplier" in o:
        v = breakers(o.get("dry_breakers", [[VOCAB]]))
        yield dry(
            o["dry_multiplier"], o.get("dry_base", 1.75), o.get("dry_allowed_length", 2), o.get("dry_penalty_last_n", 4096), v
        ), prompt + answer
    if "top_k" in o:
        yield top_k(o["top_k"]), []
    if "typical_p" in o:
        yield typical(o["typical_p"], 0), []
    if "top_p" in o:
        yield top_p(o["top_p"], 0), []
    if "min_p" in o:
        yield min_p(o["min_p"], 0), []
    if "temperature" in o:
        yield temp(o["temperature"]), []


def candidates(logits):
    data = (Data * VOCAB)(*[Data(i, x, 0) for i, x in enumerate(logits)])
    return Array(data, VOCAB, -1, False)


def run(case):
    a = candidates(case["logits"])
    for s, seen in samplers(case["options"], case["prompt"], case["answer"]):
        for id in seen:
            accept(s, id)
        apply(s, c.byref(a))
    return case | {"probs": softmax({a.data[i].id: a.data[i].logit for i in range(a.size)})}


def repetitive(case, r):
    """A text with repetitions, of few tokens."""
    text = [r.randrange(4) for _ in range(10)]
    while len(text) < 40:
        at = r.randrange(len(text) - 6)
        text += text[at : at + r.randrange(2, 7)] + [r.randrange(5)] * r.randrange(2)
    return case | {"prompt": text[:20], "answer": text[20:40]}


def steps(o, seed):
    """A mirostat run: for every step the logits, what is left, and what was drawn."""
    s = mirostat(7, o["mirostat_tau"], o["mirostat_eta"])
    out = []
    for case in cases([o] * 12, seed):
        a = candidates(case["logits"])
        if "temperature" in o:
            apply(temp(o["temperature"]), c.byref(a))
        apply(s, c.byref(a))
        left = [a.data[i] for i in range(a.size)]
        out.append({
            "logits": case["logits"],
            "probs": {str(d.id): float(f"{d.p:.7g}") for d in sorted(left, key=lambda d: d.id)},
            "drawn": left[a.selected].id,
        })
    return {"options": o, "steps": out}


def main():
    import random

    r = random.Random(SEED)
    out = [run(case) for case in cases(OPTIONS, SEED)]
    for case in cases(MORE, SEED + 1):
        out.append(run(repetitive(case, r) if "dry_multiplier" in case["options"] else case))
    out.append(steps({"mirostat_tau": 3.0, "mirostat_eta": 0.1}, SEED + 2))
    out.append(steps({"mirostat_tau": 1.5, "mirostat_eta": 0.5, "temperature": 1.5}, SEED + 3))
    write("llamacpp.json", "llama.cpp " + sys.argv[2], SEED, out)


main()
