package tokenizer

import (
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

var fuzzTexts = []string{
	"", "hello world", "  leading", "trailing  ", "a    b", "<|user|>hi<|end|>", "<|endoftext|", "it's I'LL 'ſ",
	"中文，你好！", "あカ가", "e\u0301\u0301", "😀\u200d😀", "\xff\xfe\xc3", "\u0000\u0085\u2028\u3000", "1234567890½Ⅷ",
	"\r\n \n\t x", "\ufdd0", "▁▁", "<0x41>", strings.Repeat("a", 300), strings.Repeat(" ", 300) + "x", "<sentinel:12>IMGIMGABZ",
	"İstanbul ﬁ①", "[CLS] don't! [UNK]", "\n\n\n", "</s><s>", "９_9 1,234,567",
}

// checkText checks what holds for every tokenizer: ids are in the vocabulary,
// text does not become control tokens, and a stream gives whole runes that
// joined are what Decode gives. It returns the decoded text.
func checkText(t *testing.T, tok *Tokenizer, text string) string {
	t.Helper()
	for _, id := range tok.Encode(text, true) {
		if !tok.has(id) {
			t.Fatalf("%q has id %d of %d", text, id, tok.Size())
		}
	}
	ids := tok.Encode(text, false)
	stream, streamed := tok.Stream(), ""
	for _, id := range ids {
		if id != tok.unk && tok.kind(id) == control && utf8.RuneCountInString(tok.tokens[id]) > 1 {
			t.Fatalf("%q became control token %q", text, tok.tokens[id])
		}
		piece := stream.Push(id)
		if !utf8.ValidString(piece) {
			t.Fatalf("%q: the stream gave %q", text, piece)
		}
		streamed += piece
	}
	streamed += stream.Flush()
	decoded := tok.Decode(ids)
	if want := string([]rune(decoded)); streamed != want {
		t.Fatalf("%q was streamed as %q and decoded as %q", text, streamed, want)
	}
	return decoded
}

func goldenTokenizers(t testing.TB, names ...string) (toks []*Tokenizer) {
	for _, name := range names {
		var g golden
		readGolden(t, name, &g)
		toks = append(toks, metaOf(t, g.Metadata).load(t))
	}
	return toks
}

func FuzzByteLevel(f *testing.F) {
	for _, seed := range fuzzTexts {
		f.Add(seed)
	}
	toks := goldenTokenizers(f, "bytelevel")
	for name := range splitters {
		if !slices.Contains(runeMerges, name) {
			toks = append(toks, small().with(meta{keyPre: name}).load(f))
		}
	}
	f.Fuzz(func(t *testing.T, text string) {
		for _, tok := range toks {
			if got := checkText(t, tok, text); got != text {
				t.Fatalf("%q became %q", text, got)
			}
		}
	})
}

// FuzzSentencePiece checks that vocabularies with byte tokens lose nothing but
// the difference between a space and U+2581.
func FuzzSentencePiece(f *testing.F) {
	for _, seed := range fuzzTexts {
		f.Add(seed)
	}
	whole := goldenTokenizers(f, "llama", "gemma")
	others := append(goldenTokenizers(f, "spbpe"), pieces2().load(f))
	f.Fuzz(func(t *testing.T, text string) {
		for _, tok := range whole {
			if got := checkText(t, tok, text); got != strings.ReplaceAll(text, blank, " ") {
				t.Fatalf("%q became %q", text, got)
			}
		}
		for _, tok := range others {
			checkText(t, tok, text)
		}
	})
}

// FuzzUnigram checks that what was normalized and decoded once stays as it is.
func FuzzUnigram(f *testing.F) {
	for _, seed := range fuzzTexts {
		f.Add(seed)
	}
	toks := append(goldenTokenizers(f, "unigram", "unigrambytes"), letters3().load(f))
	f.Fuzz(func(t *testing.T, text string) {
		for _, tok := range toks {
			checkText(t, tok, text)
		}
	})
}

func FuzzWordPiece(f *testing.F) {
	for _, seed := range fuzzTexts {
		f.Add(seed)
	}
	toks := append(goldenTokenizers(f, "wordpiece"), words().load(f), words().with(meta{keyLowercase: false}).load(f))
	f.Fuzz(func(t *testing.T, text string) {
		for _, tok := range toks {
			checkText(t, tok, text)
		}
	})
}

func FuzzRuneBPE(f *testing.F) {
	for _, seed := range fuzzTexts {
		f.Add(seed)
	}
	tok := lines2().load(f)
	f.Fuzz(func(t *testing.T, text string) { checkText(t, tok, text) })
}

// FuzzLoad loads metadata of any shape. What loads must work.
func FuzzLoad(f *testing.F) {
	models := []string{"gpt2", "llama", "t5", "bert", "gemma4"}
	for i := range models {
		f.Add(byte(i), "gpt-2", "a\nb\nab\n▁a\n<s>\n<0x41>\n", []byte{1, 1, 1, 1, 3, 6, 4}, []byte{9, 8, 7, 6, 5, 4, 3}, "a b\n▁ a", units(nil, "x\x00"), uint32(4), "ab <s>a")
	}
	f.Add(byte(1), "phi-3", "a\n<mask>\n", []byte{1, 4, 3}, []byte{1, 2, 3}, "", []byte{}, uint32(0), "a <mask> a")
	f.Fuzz(func(t *testing.T, model byte, pre, tokens string, kinds, scores []byte, merges string, charsmap []byte, id uint32, text string) {
		m := meta{
			keyModel: models[int(model)%len(models)], keyPre: pre, keyName: pre, keyTokens: strings.Split(tokens, "\n"),
			keySpacePrefix: model&8 != 0, keySqueeze: model&16 != 0, keyLowercase: model&32 != 0, keyBOS: uint64(id), keyUnknown: uint64(id / 2),
		}
		if len(kinds) > 0 {
			m[keyTypes] = intsOf(kinds)
		}
		if len(scores) > 0 {
			floats := make([]float32, len(scores))
			for i, s := range scores {
				floats[i] = -float32(s)
			}
			m[keyScores] = floats
		}
		m[keyMerges] = []string{}
		if merges != "" {
			m[keyMerges] = strings.Split(merges, "\n")
		}
		if len(charsmap) > 0 {
			m[keyCharsmap] = intsOf(charsmap)
		}
		tok, err := Load(m)
		if err != nil {
			if !strings.Contains(err.Error(), m.Name()) {
				t.Fatalf("error does not name the file: %v", err)
			}
			return
		}
		checkText(t, tok, text)
		tok.EncodePrompt(tok.Defuse(strings.ReplaceAll(text, testBorder, ""), testBorder), testBorder)
	})
}

// FuzzCharsmap reads normalizers of any shape.
func FuzzCharsmap(f *testing.F) {
	var g golden
	readGolden(f, "unigram", &g)
	blob := metaOf(f, g.Metadata)[keyCharsmap].([]int32)
	raw := make([]byte, len(blob))
	for i, b := range blob {
		raw[i] = byte(b)
	}
	f.Add(raw, "ﬁ①e\u0301 x")
	f.Add(units(map[int]uint32{0: 0, 1: 1 | 1<<10}, "x\x00"), "\x01\x01")
	f.Fuzz(func(t *testing.T, blob []byte, text string) {
		c, err := parseCharsmap(blob)
		if err != nil {
			return
		}
		for i := range text {
			if replacement, size := c.longest(text[i:]); size > len(text)-i || len(replacement) > maxReplacement {
				t.Fatalf("%d bytes of %q became %d", size, text[i:], len(replacement))
			}
		}
	})
}
