#!/usr/bin/env python3
"""Writes families.json: what llama.cpp's conversion makes of small models.

Usage: make_families.py HF_DIR GGUF_DIR > families.json

HF_DIR/NAME is a folder as transformers saves it, GGUF_DIR/NAME-f32.gguf (or
NAME.gguf) what convert_hf_to_gguf.py wrote of it. Of both only names, shapes,
the configuration and the keys are kept: the weights do not matter here. Made
with transformers 5.24.0 and the conversion of llama-cpp-python 0.3.36; needs
the package gguf.
"""
import json
import os
import struct
import sys

import gguf

SKIP = ("tokenizer.", "general.", "GGUF.")


def tensors_of(folder):
    with open(os.path.join(folder, "model.safetensors"), "rb") as f:
        (n,) = struct.unpack("<Q", f.read(8))
        header = json.loads(f.read(n))
    return {k: v["shape"] for k, v in sorted(header.items()) if k != "__metadata__"}


def main(hf, ggufs):
    out = {}
    for name in sorted(os.listdir(hf)):
        folder = os.path.join(hf, name)
        paths = [os.path.join(ggufs, name + end) for end in ("-f32.gguf", ".gguf")]
        path = next((p for p in paths if os.path.exists(p)), None)
        if path is None or not os.path.exists(os.path.join(folder, "config.json")):
            continue
        reader = gguf.GGUFReader(path)
        with open(os.path.join(folder, "config.json"), encoding="utf-8") as f:
            config = json.load(f)
        out[name] = {
            "config": config,
            "tensors": tensors_of(folder),
            "keys": {k: f.contents() for k, f in reader.fields.items() if not k.startswith(SKIP)},
            "gguf": {t.name: [int(d) for d in t.shape] for t in reader.tensors},
        }
    json.dump(out, sys.stdout, separators=(",", ":"), sort_keys=True)
    print()


main(*sys.argv[1:])
