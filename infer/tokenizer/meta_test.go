package tokenizer

import (
	"fmt"
	"maps"
	"testing"
)

// meta is the metadata of a file that does not exist.
type meta map[string]any

var _ Metadata = meta(nil)

func (m meta) Name() string        { return "test.gguf" }
func (m meta) Has(key string) bool { _, ok := m[key]; return ok }

func value[T any](m meta, key string) (T, error) {
	v, ok := m[key].(T)
	if !ok {
		return v, fmt.Errorf("test.gguf: %s is %T, not %T", key, m[key], v)
	}
	return v, nil
}

func (m meta) String(key string) (string, error)    { return value[string](m, key) }
func (m meta) Uint(key string) (uint64, error)      { return value[uint64](m, key) }
func (m meta) Bool(key string) (bool, error)        { return value[bool](m, key) }
func (m meta) Strings(key string) ([]string, error) { return value[[]string](m, key) }
func (m meta) Ints(key string) ([]int32, error)     { return value[[]int32](m, key) }
func (m meta) Floats(key string) ([]float32, error) { return value[[]float32](m, key) }
func (m meta) with(changes meta) meta               { c := maps.Clone(m); maps.Copy(c, changes); return c }
func (m meta) without(key string) meta              { c := maps.Clone(m); delete(c, key); return c }
func (m meta) load(t testing.TB) *Tokenizer         { t.Helper(); return must(t)(Load(m)) }
func must(t testing.TB) func(*Tokenizer, error) *Tokenizer {
	return func(tok *Tokenizer, err error) *Tokenizer {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return tok
	}
}

// Ids of the small vocabulary beyond the 256 bytes, which are their own ids.
const (
	idHe int32 = 256 + iota
	idLl
	idHell
	idHello
	idSpaceW
	idFourSpaces
	idMarker
	idUser
	idEnd
	idEndOfText
	idUnknown
	smallSize
)

// small is a byte-level BPE vocabulary: all bytes, a few merges, user-defined
// tokens and control tokens.
func small() meta {
	tokens := make([]string, 0, smallSize)
	kinds := make([]int32, 0, smallSize)
	add := func(k kind, texts ...string) {
		for _, text := range texts {
			tokens = append(tokens, text)
			kinds = append(kinds, int32(k))
		}
	}
	for b := range 256 {
		add(normal, string(ByteRune(byte(b))))
	}
	add(normal, "he", "ll", "hell", "hello", "Ġw")
	add(userDefined, "    ", "<|tool|>")
	add(control, "<|user|>", "<|end|>", "<|endoftext|>")
	add(unknown, "<unk>")
	return meta{
		"general.architecture": "llama",
		"llama.vocab_size":     uint64(smallSize),
		keyModel:               "gpt2",
		keyPre:                 "gpt-2",
		keyTokens:              tokens,
		keyTypes:               kinds,
		keyMerges:              []string{"h e", "l l", "he ll", "hell o", "Ġ w"},
		keyBOS:                 uint64(idEndOfText),
		keyEOS:                 uint64(idEnd),
	}
}
