#!/usr/bin/env python3
"""Writes the golden files of this folder: small tokenizers, trained here, and
what Hugging Face's tokenizers and Google's sentencepiece make of random and
adversarial texts. The tests read them; they need no Python.

    python3 -m venv venv && venv/bin/pip install tokenizers==0.23.3 sentencepiece==0.2.3 protobuf
    venv/bin/python make_goldens.py [--out DIR] [--cases N] [--seed N] [--charsmap nmt_nfkc]

A golden file is JSON in gzip: {"versions", "metadata": GGUF keys, "runs":
[{"set": further keys, "texts": [...], "ids": [[...]], "decoded": [... or null]}]}.
splits.json.gz has "runs": [{"texts", "pieces": {pre-tokenizer: [[bytes of each piece]]}}].
"""
import argparse, base64, gzip, io, json, os, random, tempfile, unicodedata

import sentencepiece
import tokenizers
from sentencepiece import SentencePieceProcessor, SentencePieceTrainer, sentencepiece_model_pb2
from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

WORDS = """the of and to in is that it was for on are as with his they be at one have this from or had by hot
word but what some we can out other were all there when up use your how said an each she which do their time if will way
about many then them write would like so these her long make thing see him two has look more day could go come did number
sound no most people my over know water than call first who may down side been now find any new work part take get place
made live where after back little only round man year came show every good me give our under name very through just form
sentence great think say help low line differ turn cause much mean before move right boy old too same tell does set three
Wort und das ist nicht mit für über Straße schöne Grüße naïve café élève garçon señor mañana ação coração
слово привет мир который человек время дело жизнь день рука раз работа
λόγος άνθρωπος κόσμος καλημέρα שלום עולם مرحبا بالعالم السلام हिन्दी भाषा नमस्ते दुनिया สวัสดี ชาวโลก
你好 世界 中文 分词 模型 学习 日本語 東京 ひらがな カタカナ 한국어 안녕하세요 세계 tiếng Việt ngôn ngữ
func return import class def self None True False print range for while const let var int float string
HTTPServer camelCase snake_case kebab-case 3.14 1,000,000 2024-01-01 12:34:56 x=y+z a[i] {} () => != == && || // /* */
don't I'll we've they're he's it'd I'M YOU'RE""".split()

HARD = (" \n\r\t\v\f\x1c\u0085\u00a0\u1680\u2003\u2028\u2029\u202f\u3000\u200b\ufeff\u0000\u0001\u007f  '''sStTrevmldLDſaAzZéÉßİıǅʰ"
        "\u0301\u0300\u0327\u0345\u093e\u0e33\u20dd中文あカ가ࠀ힣々〇ÐΩЖ\u2126\u212a\u212bﬁ①½Ⅷ١२0123456789!$+<=>^~|`\"#%&()*,-./:;?@[\\]_{}"
        "、。，（‘—€😀👨🏽\u200d\ufe0f\ufffd▁⁇Ａｂ１ｶﾞ㌔豈\U0002f800\U0002b820\U0002b920\U0001d400\U000e0001\ue000\ufdd0\U0010ffff")
SNIPPETS = ["'ll", "'RE", "12345", "1234567", "١٢٣٤", "\r\n", "\n\n", "\n\n\n", "    ", "  ", "हिन्दी", "👨‍👩‍👧", "e\u0301", "<|im_end|>", "<s>", "</s>",
            "[CLS]", "<0x41>", "▁▁", "...", "''", "?!", "a" * 120, "\u0301" * 40, "中" * 30, " \n \n", "\u0344", "\u1e9b\u0323", "\u1100\u1161\u11a8", "ｶﾞ",
            "<sentinel:12>", "IMGIMGABCZ", "9_9", "a b c", "ⓐⒷ", "ⅯⅯ½"]


def common(c, old):
    """Whether a code point is in every Unicode version at hand: Hugging Face's
    classes of punctuation, marks and controls are old, its regular expressions
    are not."""
    return (unicodedata.ucd_3_2_0 if old else unicodedata).category(chr(c)) not in ("Cs", "Cn")


def text_of(rng, old):
    out = []
    for _ in range(rng.randint(1, 12)):
        k = rng.random()
        if k < 0.4:
            out.append(rng.choice([" ", "", " "]) + rng.choice(WORDS))
        elif k < 0.75:
            out.append(rng.choice(HARD) * rng.choice([1, 1, 1, 2, 3]))
        elif k < 0.9:
            out.append(rng.choice(SNIPPETS))
        else:
            c = rng.choice([rng.randrange(0x300), rng.randrange(0x3000), rng.randrange(0x10000), rng.randrange(0x20000)])
            out.append(chr(c) if common(c, old) else "\ud7a3")
    return "".join(out)


def corpus(rng):
    lines = []
    for _ in range(3000):
        lines.append(" ".join(rng.choice(WORDS) for _ in range(rng.randint(3, 14))) + rng.choice([".", "!", "?", ""]))
    return lines


CONTRACTIONS = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)"
CL100K = CONTRACTIONS + r"|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}DIGITS| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
O200K = (r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+SUFFIX|"
         r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*SUFFIX|"
         r"\p{N}DIGITS| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+")
GPT4O = O200K.replace("SUFFIX", CONTRACTIONS + "?").replace("DIGITS", "{1,3}")
DEEPSEEK = (r"[!\"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*|"
            r"\s*[\r\n]+|\s+(?!\S)|\s+")
KANA = "[一-龥\u3040-ゟ゠-ヿ]+"


def split(*patterns):
    return [pre_tokenizers.Split(Regex(p), "isolated") for p in patterns]


def byte_level(gpt2):
    return pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=gpt2)


def pre_tokenizer(*parts):
    return pre_tokenizers.Sequence(list(parts))


# As the tokenizer.json of each family has them.
PRE = {
    "gpt-2": byte_level(True),
    "starcoder": pre_tokenizer(pre_tokenizers.Digits(individual_digits=True), byte_level(True)),
    "llama-bpe": pre_tokenizer(*split(CL100K.replace("DIGITS", "{1,3}")), byte_level(False)),
    "qwen2": pre_tokenizer(*split(CL100K.replace("DIGITS", "")), byte_level(False)),
    "qwen35": pre_tokenizer(*split(CONTRACTIONS + r"|[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+|\p{N}| ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"), byte_level(False)),
    "seed-coder": pre_tokenizer(*split(CONTRACTIONS + r"|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1}| ?[^\s\p{L}\p{N}" + "\r\n" + r"]+|\s*[\r\n]+|\s+(?!\S)|\s+"), byte_level(False)),
    "bailingmoe": pre_tokenizer(*split(r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]++[\r\n]*|\s*[\r\n]|\s+(?!\S)|\s+"), byte_level(False)),
    "exaone-moe": pre_tokenizer(*split(CONTRACTIONS + r"|[^\r\n\p{L}\p{N}]?(?:\p{L}\p{M}*(?: \p{L}\p{M}*)*)+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]?|\s*[\r\n]|\s+(?!\S)|\s+"), byte_level(False)),
    "jais-2": pre_tokenizer(*split(CL100K.replace("DIGITS", "{1,3}").replace(r"\s+(?!\S)|\s+", r"\s{512}(?!\S)|\s{256}(?!\S)|\s{128}(?!\S)|\s{64}(?!\S)|\s{32}(?!\S)|\s{16}(?!\S)|\s{8}(?!\S)|\s{4}(?!\S)|\s{1,2}(?!\S)|\s{1}")), byte_level(False)),
    "minicpm5": pre_tokenizer(*split(r"\p{N}{1,3}", CL100K.replace("DIGITS", "+")), byte_level(False)),
    "tekken": pre_tokenizer(*split(O200K.replace("SUFFIX", "").replace("DIGITS", "")), byte_level(False)),
    "gpt-4o": pre_tokenizer(*split(GPT4O), byte_level(False)),
    "tiny_aya": pre_tokenizer(*split(r"\d{1,3}(?=(?:\d{3})*\b)", GPT4O), byte_level(False)),
    "superbpe": pre_tokenizer(*split(r"\p{N}+", r"(?=(\d{3})+(?!\d))"), byte_level(False)),
    "bloom": pre_tokenizer(*split(r" ?[^(\s|[.,!?…。，、।۔،])]+"), byte_level(False)),
    "deepseek-v3": pre_tokenizer(*split(r"\p{N}{1,3}", KANA, DEEPSEEK), byte_level(False)),
    "deepseek-coder": pre_tokenizer(*split("[\r\n]", r"\s?\p{L}+", r"\s?\p{P}+", "[一-龥ࠀ-一가-\ud7ff]+"), pre_tokenizers.Digits(individual_digits=True), byte_level(False)),
    "falcon": pre_tokenizer(pre_tokenizers.Punctuation("contiguous"), byte_level(True), *split("[0-9][0-9][0-9]")),
    "chameleon": pre_tokenizer(*split(r"<sentinel:[0-9]+>", r"(IMGIMG)((A|B|C|D|E|F|G|H|I){1,4})Z", r"([\t\n]|    |  )"), pre_tokenizers.Digits(individual_digits=True),
                               pre_tokenizers.Punctuation("isolated"), byte_level(True)),
    "youtu": pre_tokenizer(*split(r"[가-힣ㄱ-ㆎ]+|[！…“”‘’—：；，、-〿︰-﹏]+|[ㄅ-ㄯ]+|" + KANA, O200K.replace("SUFFIX", CONTRACTIONS + "?").replace("DIGITS", "")), byte_level(False)),
}


def save(args, name, golden):
    golden = {"versions": f"tokenizers {tokenizers.__version__}, sentencepiece {sentencepiece.__version__}", **golden}
    raw = json.dumps(golden, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass")
    buf = io.BytesIO()
    with gzip.GzipFile(fileobj=buf, mode="wb", compresslevel=9, mtime=0) as f:
        f.write(raw)
    path = os.path.join(args.out, name + ".json.gz")
    with open(path, "wb") as f:
        f.write(buf.getvalue())
    print(path, len(buf.getvalue()))


def texts(args, salt, old=False):
    rng = random.Random(f"{args.seed} {salt}")
    return ["", " ", "Hello world"] + [text_of(rng, old) for _ in range(args.cases)]


def splits(args):
    runs = []
    for old in [False, True]:
        samples = texts(args, f"splits {old}", old)
        pieces = {}
        for name, pre in PRE.items():
            if old == (name in ("falcon", "chameleon")):
                pieces[name] = [[len(p) for p, _ in pre.pre_tokenize_str(t)] for t in samples]
        runs.append({"texts": samples, "pieces": pieces})
    save(args, "splits", {"runs": runs})


def hugging_face_run(tok, keys, samples, decode=True):
    ids = [tok.encode(t, add_special_tokens=False).ids for t in samples]
    decoded = [tok.decode(i, skip_special_tokens=True) if decode else None for i in ids]
    return {"set": keys, "texts": samples, "ids": ids, "decoded": decoded}


def byte_level_bpe(args, lines):
    tok = Tokenizer(models.BPE())
    tok.pre_tokenizer = PRE["gpt-2"]
    tok.decoder = decoders.ByteLevel()
    tok.train_from_iterator(lines, trainers.BpeTrainer(vocab_size=900, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False))
    tok.add_tokens(["    ", "\n\n"])
    spec = json.loads(tok.to_str())
    vocab = [None] * tok.get_vocab_size()
    for token, i in tok.get_vocab().items():
        vocab[i] = token
    merges = [" ".join(m) for m in spec["model"]["merges"]]
    kinds = [1] * (len(vocab) - 2) + [4, 4]
    runs = []
    for name in ["gpt-2", "llama-bpe", "qwen2", "tekken"]:
        whole = name in ("llama-bpe", "tekken")
        spec["pre_tokenizer"] = json.loads(PRE[name].__getstate__())
        spec["model"]["ignore_merges"] = whole
        hf = Tokenizer.from_str(json.dumps(spec))
        runs.append(hugging_face_run(hf, {"tokenizer.ggml.pre": name}, texts(args, name), decode=False))
    save(args, "bytelevel", {"metadata": {
        "tokenizer.ggml.model": "gpt2", "tokenizer.ggml.tokens": vocab, "tokenizer.ggml.token_type": kinds, "tokenizer.ggml.merges": merges,
    }, "runs": runs})


RULES = [("ﬁ", "fi"), ("①", "1"), ("½", "1⁄2"), ("Ⅷ", "VIII"), ("\u00a0", " "), ("\u3000", " "), ("\n", " "), ("\t", " "), ("\r", " "), ("\u200b", ""), ("\ufeff", ""),
         ("\x01", ""), ("e\u0301", "\u00e9"), ("a\u0300", "\u00e0"), ("\u0344", "\u0308\u0301"), ("ｶﾞ", "ガ"), ("ｶ", "カ"), ("Ａ", "A"), ("ｂ", "b"), ("１", "1"), ("㌔", "キロ"),
         ("\uf900", "\u8c48"), ("\u212b", "Å"), ("\u2126", "Ω"), ("\U0002f800", "丽"), ("\U0001d400", "A"), ("ﷺ", "صلى الله عليه وسلم"), ("…", "..."), ("\u2003", " "), ("’", "'"),
         ("\u1100\u1161\u11a8", "\uac01"), ("\u1100\u1161", "\uac00"), ("\u1e9b\u0323", "\u1e69"), ("\u0085", " "), ("\u2028", " "), ("▁", " "), ("\u0301\u0301\u0301", "!!"), ("  ", " x "), ("ſ", "s")]


def sentencepiece_model(lines, **options):
    with tempfile.TemporaryDirectory() as d:
        rules = os.path.join(d, "rules.tsv")
        with open(rules, "w") as f:
            for a, b in RULES:
                f.write(" ".join(f"{ord(c):X}" for c in a) + "\t" + " ".join(f"{ord(c):X}" for c in b) + "\n")
        if options.get("normalization_rule_name") == "custom":
            del options["normalization_rule_name"]
            options["normalization_rule_tsv"] = rules
        SentencePieceTrainer.train(sentence_iterator=iter(lines), model_prefix=os.path.join(d, "m"), minloglevel=2, num_threads=1,
                                   hard_vocab_limit=False, character_coverage=0.999, **options)
        with open(os.path.join(d, "m.model"), "rb") as f:
            return f.read()


def sentencepiece_metadata(raw, model):
    proto = sentencepiece_model_pb2.ModelProto()
    proto.ParseFromString(raw)
    spec = proto.normalizer_spec
    keys = {
        "tokenizer.ggml.model": model,
        "tokenizer.ggml.tokens": [p.piece.replace("▁", " ") if p.type == 4 else p.piece for p in proto.pieces],
        "tokenizer.ggml.scores": [p.score for p in proto.pieces],
        "tokenizer.ggml.token_type": [p.type for p in proto.pieces],
        "tokenizer.ggml.add_space_prefix": spec.add_dummy_prefix,
        "tokenizer.ggml.remove_extra_whitespaces": spec.remove_extra_whitespaces,
        "tokenizer.ggml.bos_token_id": 1, "tokenizer.ggml.eos_token_id": 2, "tokenizer.ggml.unknown_token_id": 0,
    }
    if spec.precompiled_charsmap:
        keys["tokenizer.ggml.precompiled_charsmap"] = base64.b64encode(spec.precompiled_charsmap).decode()
    return keys


def unigram_in_double(sp, raw):
    """sentencepiece adds scores up in single precision, Hugging Face and we in
    double: of two ways with the same tokens in another order each takes its own."""
    proto = sentencepiece_model_pb2.ModelProto()
    proto.ParseFromString(raw)
    vocab = [(p.piece if p.type in (1, 4, 6) else f"\0{i}", p.score) for i, p in enumerate(proto.pieces)]
    hf = Tokenizer(models.Unigram(vocab, unk_id=0, byte_fallback=proto.trainer_spec.byte_fallback))
    return lambda text: hf.encode(sp.normalize(text)).ids


def sentencepiece_run(raw, samples, unigram):
    sp = SentencePieceProcessor(model_proto=raw)
    if unigram:
        encode = unigram_in_double(sp, raw)
        samples = [t for t in samples if "<0x" not in t]
    else:
        encode = sp.encode
    ids = [encode(t) for t in samples]
    differ = sum(i != sp.encode(t) for i, t in zip(ids, samples))
    assert differ <= len(samples) / 200, f"{differ} of {len(samples)} differ from sentencepiece"
    # sentencepiece decodes the unknown token to a text of its own, and broken
    # UTF-8, where bytes of a rune were merged, to U+FFFD.
    decoded = [None if 0 in i else sp.decode(i) for i in ids]
    return {"set": {}, "texts": samples, "ids": ids, "decoded": decoded}


def sentencepieces(args, lines):
    kinds = {
        "llama": ("llama", dict(model_type="bpe", vocab_size=700, byte_fallback=True, normalization_rule_name="identity", remove_extra_whitespaces=False)),
        "gemma": ("llama", dict(model_type="bpe", vocab_size=700, byte_fallback=True, normalization_rule_name="identity", remove_extra_whitespaces=False,
                                add_dummy_prefix=False, user_defined_symbols=["\n", "\n\n", "\n\n\n", "▁▁", "▁▁▁", "▁▁▁▁", "<start_of_image>"])),
        "spbpe": ("llama", dict(model_type="bpe", vocab_size=500, byte_fallback=False, normalization_rule_name="custom")),
        "unigram": ("t5", dict(model_type="unigram", vocab_size=500, normalization_rule_name=args.charsmap)),
        "unigrambytes": ("t5", dict(model_type="unigram", vocab_size=700, byte_fallback=True, normalization_rule_name="custom", remove_extra_whitespaces=False, add_dummy_prefix=False)),
    }
    for name, (model, options) in kinds.items():
        raw = sentencepiece_model(lines, **options)
        # sentencepiece ends a text at a zero byte here and there, and finds the
        # user-defined runs of spaces in runs of U+2581, too.
        samples = [t for t in texts(args, name) if "\0" not in t and (name != "gemma" or "▁" not in t)]
        save(args, name, {"metadata": sentencepiece_metadata(raw, model), "runs": [sentencepiece_run(raw, samples, model == "t5")]})


def word_piece(args, lines):
    tok = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tok.normalizer = normalizers.Sequence([normalizers.NFD()])
    tok.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tok.train_from_iterator(lines + [l.lower() for l in lines], trainers.WordPieceTrainer(vocab_size=900, special_tokens=["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"], show_progress=False))
    vocab = [None] * tok.get_vocab_size()
    for token, i in tok.get_vocab().items():
        vocab[i] = token
    phantom = [t if i < 5 else t[2:] if t.startswith("##") else "▁" + t for i, t in enumerate(vocab)]
    tok.decoder = decoders.WordPiece(cleanup=True)
    runs = []
    for lower, strip in [(True, None), (False, None), (True, False), (False, True)]:
        tok.normalizer = normalizers.BertNormalizer(lowercase=lower, strip_accents=strip)
        keys = {"tokenizer.ggml.normalizer.lowercase": lower}
        if strip is not None:
            keys["tokenizer.ggml.normalizer.strip_accents"] = strip
        # Special tokens in texts are Hugging Face's to find even when they are text to us.
        samples = [t for t in texts(args, f"word {lower} {strip}", True) if "[CLS]" not in t]
        runs.append(hugging_face_run(tok, keys, samples))
    save(args, "wordpiece", {"metadata": {
        "tokenizer.ggml.model": "bert", "tokenizer.ggml.tokens": phantom, "tokenizer.ggml.token_type": [3] * 5 + [1] * (len(vocab) - 5),
        "tokenizer.ggml.unknown_token_id": 1, "tokenizer.ggml.cls_token_id": 2, "tokenizer.ggml.seperator_token_id": 3,
    }, "runs": runs})


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--out", default=os.path.dirname(os.path.abspath(__file__)))
    p.add_argument("--cases", type=int, default=60)
    p.add_argument("--seed", type=int, default=4)
    p.add_argument("--charsmap", default="custom")
    args = p.parse_args()
    os.makedirs(args.out, exist_ok=True)
    lines = corpus(random.Random(args.seed))
    splits(args)
    byte_level_bpe(args, lines)
    sentencepieces(args, lines)
    word_piece(args, lines)


main()
