"""Makes huggingface.json: what the logits processors of transformers leave.

    python huggingface.py     (needs torch and transformers; versions in the file)
"""

import torch
import transformers
from transformers import generation as g

from cases import OPTIONS, cases, softmax, write

SEED = 20260401


def processors(o):
    """Those of the options, in Cusp's order."""
    if "logit_bias" in o:
        yield g.SequenceBiasLogitsProcessor([[[int(i)], float(b)] for i, b in o["logit_bias"].items()])
    if "repetition_penalty" in o:
        yield g.RepetitionPenaltyLogitsProcessor(o["repetition_penalty"])
    if "top_k" in o:
        yield g.TopKLogitsWarper(o["top_k"])
    if "typical_p" in o:
        yield g.TypicalLogitsWarper(o["typical_p"])
    if "top_p" in o:
        yield g.TopPLogitsWarper(o["top_p"])
    if "min_p" in o:
        yield g.MinPLogitsWarper(o["min_p"])
    if "temperature" in o:
        yield g.TemperatureLogitsWarper(o["temperature"])


def run(c):
    ids = torch.tensor([c["prompt"] + c["answer"]])
    scores = torch.tensor([c["logits"]], dtype=torch.float32)
    for p in processors(c["options"]):
        scores = p(ids, scores)
    kept = {i: x for i, x in enumerate(scores[0].double().tolist()) if x > float("-inf")}
    return c | {"probs": softmax(kept)}


write(
    "huggingface.json",
    f"transformers {transformers.__version__}, torch {torch.__version__}",
    SEED,
    [run(c) for c in cases(OPTIONS, SEED)],
)
