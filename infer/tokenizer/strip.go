package tokenizer

import (
	"slices"
	"strings"
	"unicode"
)

// strip says which special tokens swallow the white space beside them. GGUF has
// no key for it; llama.cpp knows the models that want it by name, and so do we.
// (Source: ggml-org/llama.cpp, llama-vocab.cpp, "set attributes by
// model/tokenizer/architecture name".)
type strip struct {
	before []string // tokens that swallow what stands before them
	after  bool     // tokens swallow what stands behind them...
	keep   []string // ...but for these
}

func loadStrip(r *reader) strip {
	pre, arch := r.text(keyPre, ""), r.text(keyArchitecture, "")
	name := strings.ToLower(r.text(keyName, ""))
	switch {
	case slices.Contains([]string{"jina-v2-de", "jina-v2-es", "jina-v2-code"}, pre),
		arch == "nomic-bert-moe", arch == "jina-bert-v3":
		return strip{before: []string{"<mask>"}}
	case strings.Contains(name, "phi-3"), strings.Contains(name, "phi3"):
		return strip{after: true, keep: []string{"<unk>", "<s>", "<|endoftext|>"}}
	case strings.Contains(name, "modern-bert"):
		return strip{before: []string{"[MASK]"}}
	}
	return strip{}
}

// left returns what is left of the text before a special token.
func (s *strip) left(before, token string) string {
	if len(s.before) > 0 && slices.Contains(s.before, token) {
		return strings.TrimRightFunc(before, unicode.IsSpace)
	}
	return before
}

// right returns what is left of the text behind a special token.
func (s *strip) right(behind, token string) string {
	if s.after && !slices.Contains(s.keep, token) {
		return strings.TrimLeftFunc(behind, unicode.IsSpace)
	}
	return behind
}
