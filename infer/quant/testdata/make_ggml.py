"""Makes ggml.gguf: rows of floats, what ggml makes of them in every block format,
and what ggml reads back.

    rows             2 rows of 256 floats
    TYPE             the same, as ggml quantizes them without an importance matrix
    TYPE.decoded     and reads them back
    TYPE.any         a row of 256 elements of random bits
    TYPE.any.decoded as ggml reads it
    TYPE.wide        metadata: the SHA-256 of what ggml reads back of wide_rows(),
                     little-endian float32 with every -0 made 0

The committed file was made with Python 3.11, numpy 2.4.6, gguf 0.19.0 and
libggml-base.so 0.25.3 as llama-cpp-python 0.3.36 builds it for amd64 (without
fused multiply-adds: they change some scales). Run it in this folder:

    python make_ggml.py .../libggml-base.so
"""

import ctypes
import hashlib
import sys

import gguf
import numpy as np

SEED = 1
TYPES = "Q4_0 Q4_1 Q5_0 Q5_1 Q8_0 Q2_K Q3_K Q4_K Q5_K Q6_K IQ4_NL IQ4_XS MXFP4".split()


class InitParams(ctypes.Structure):
    _fields_ = [("size", ctypes.c_size_t), ("buffer", ctypes.c_void_p), ("no_alloc", ctypes.c_bool)]


class Ggml:
    def __init__(self, path):
        self.lib = ctypes.CDLL(path)
        self.lib.ggml_init.argtypes = [InitParams]
        self.lib.ggml_init.restype = ctypes.c_void_p
        self.lib.ggml_init(InitParams(1 << 16, None, True))  # fills its float16 tables
        self.lib.ggml_quantize_chunk.argtypes = [
            ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int64, ctypes.c_int64, ctypes.c_int64, ctypes.c_void_p]
        self.lib.ggml_quantize_chunk.restype = ctypes.c_size_t

    def quantize(self, kind, rows):
        q = np.zeros((len(rows), row_bytes(kind)), np.uint8)
        self.lib.ggml_quantize_chunk(kind, rows.ctypes.data, q.ctypes.data, 0, *rows.shape, None)
        return q

    def dequantize(self, kind, q):
        f = getattr(self.lib, "dequantize_row_" + kind.name.lower().replace("_k", "_K"))
        f.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int64]
        rows = np.zeros((len(q), 256), np.float32)
        f(q.ctypes.data, rows.ctypes.data, rows.size)
        return rows


def row_bytes(kind):
    elements, size = gguf.GGML_QUANT_SIZES[kind]
    return 256 // elements * size


def fixture_rows(rng):
    """A normal row, and one of groups of different scales and means; two are constant."""
    rows = rng.standard_normal((2, 256))
    rows[1] = rows[1] * np.repeat(2.0 ** rng.uniform(-2, 2, 16), 16) + np.repeat(rng.uniform(-3, 3, 16), 16)
    rows[1, 64:96] = 0
    rows[1, 96:128] = -1.5
    return rows.astype(np.float32)


def wide_rows():
    """256 rows that the Go test makes too, so all that is done to them is exact:
    sums of four uniform numbers, times a power of two for each 16 elements."""
    seeds = np.arange(1, 256 * 256 + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    z = (seeds ^ seeds >> np.uint64(30)) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ z >> np.uint64(27)) * np.uint64(0x94D049BB133111EB)
    z = z ^ z >> np.uint64(31)
    parts = [(z >> np.uint64(16 * i) & np.uint64(0xFFFF)).astype(np.int64) - 0x8000 for i in range(4)]
    x = sum(parts).astype(np.float32) / 65536
    exponents = (z[::16] % np.uint64(7)).astype(np.int32) - 3
    return (x * np.repeat(np.float32(2) ** exponents, 16)).astype(np.float32).reshape(256, 256)


def main():
    ggml = Ggml(sys.argv[1])
    rng = np.random.default_rng(SEED)
    rows, wide = fixture_rows(rng), wide_rows()
    w = gguf.GGUFWriter("ggml.gguf", "none")
    w.add_tensor("rows", rows)
    for name in TYPES:
        kind = gguf.GGMLQuantizationType[name]
        q = ggml.quantize(kind, rows)
        w.add_tensor(name, q, raw_dtype=kind)
        w.add_tensor(name + ".decoded", ggml.dequantize(kind, q))
        bits = rng.integers(0, 256, (1, row_bytes(kind)), dtype=np.uint8)
        w.add_tensor(name + ".any", bits, raw_dtype=kind)
        w.add_tensor(name + ".any.decoded", ggml.dequantize(kind, bits))
        back = ggml.dequantize(kind, ggml.quantize(kind, wide)) + np.float32(0)
        w.add_string(name + ".wide", hashlib.sha256(back.astype("<f4").tobytes()).hexdigest())
    w.write_header_to_file()
    w.write_kv_data_to_file()
    w.write_tensors_to_file()
    w.close()


main()
