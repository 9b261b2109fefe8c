package tokenizer

import (
	"fmt"
	"math"
)

// Metadata is what this package reads of a GGUF file. The errors of its
// methods name the file and the key.
type Metadata interface {
	Name() string
	Has(key string) bool
	String(key string) (string, error)
	Uint(key string) (uint64, error)
	Bool(key string) (bool, error)
	Strings(key string) ([]string, error)
	Ints(key string) ([]int32, error)
	Floats(key string) ([]float32, error)
}

// The keys of a GGUF file that describe its tokenizer.
const (
	keyModel       = "tokenizer.ggml.model"
	keyPre         = "tokenizer.ggml.pre"
	keyTokens      = "tokenizer.ggml.tokens"
	keyTypes       = "tokenizer.ggml.token_type"
	keyScores      = "tokenizer.ggml.scores"
	keyMerges      = "tokenizer.ggml.merges"
	keyBOS         = "tokenizer.ggml.bos_token_id"
	keyEOS         = "tokenizer.ggml.eos_token_id"
	keyEOT         = "tokenizer.ggml.eot_token_id"
	keyEOM         = "tokenizer.ggml.eom_token_id"
	keyUnknown     = "tokenizer.ggml.unknown_token_id"
	keyCLS         = "tokenizer.ggml.cls_token_id"
	keySeparator   = "tokenizer.ggml.seperator_token_id" // spelled so in the GGUF specification
	keyAddBOS      = "tokenizer.ggml.add_bos_token"
	keyAddEOS      = "tokenizer.ggml.add_eos_token"
	keySpacePrefix = "tokenizer.ggml.add_space_prefix"
	keySqueeze     = "tokenizer.ggml.remove_extra_whitespaces"
	keyCharsmap    = "tokenizer.ggml.precompiled_charsmap"

	keyLowercase    = "tokenizer.ggml.normalizer.lowercase"
	keyStripAccents = "tokenizer.ggml.normalizer.strip_accents"

	keyArchitecture = "general.architecture"
	keyName         = "general.name"
)

// reader collects the first error of a row of optional reads.
type reader struct {
	Metadata
	err error
}

func (r *reader) fail(err error) {
	if r.err == nil {
		r.err = err
	}
}

// text returns a string value, or otherwise where the key is missing.
func (r *reader) text(key, otherwise string) string {
	if !r.Has(key) {
		return otherwise
	}
	v, err := r.String(key)
	if err != nil {
		r.fail(err)
	}
	return v
}

// flag returns a bool value, or otherwise where the key is missing.
func (r *reader) flag(key string, otherwise bool) bool {
	if !r.Has(key) {
		return otherwise
	}
	v, err := r.Bool(key)
	if err != nil {
		r.fail(err)
	}
	return v
}

// id returns a token id below size, or otherwise where the key is missing.
// A default that the vocabulary is too small for counts as none.
func (r *reader) id(key string, size int, otherwise int32) int32 {
	if !r.Has(key) {
		if int(otherwise) >= size {
			return none
		}
		return otherwise
	}
	v, err := r.Uint(key)
	if err != nil {
		r.fail(err)
		return none
	}
	if v == math.MaxUint32 { // how llama.cpp's converters write "none"
		return none
	}
	if v >= uint64(size) {
		r.fail(fmt.Errorf("%s: %s is %d, but the vocabulary has %d tokens", r.Name(), key, v, size))
		return none
	}
	return int32(v)
}
