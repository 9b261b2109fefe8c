//go:build e2e

package tokenizer_test

import (
	"encoding/binary"
	"fmt"
	"math"
	"os"
	"testing"
)

// modelFile is a SentencePiece model as metadata: the messages of
// sentencepiece_model.proto, as far as the tests need them.
type modelFile map[string]any

func readModel(t *testing.T, path, family string) modelFile {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var tokens []string
	var scores []float32
	var kinds []int32
	m := modelFile{"tokenizer.ggml.model": family}
	fields(t, raw, func(field int, _ uint64, body []byte) {
		switch field {
		case 1: // a piece
			kind, score := int32(1), float32(0)
			fields(t, body, func(field int, n uint64, body []byte) {
				switch field {
				case 1:
					tokens = append(tokens, string(body))
				case 2:
					score = math.Float32frombits(uint32(n))
				case 3:
					kind = int32(n)
				}
			})
			kinds, scores = append(kinds, kind), append(scores, score)
		case 3: // the normalizer
			m["tokenizer.ggml.add_space_prefix"], m["tokenizer.ggml.remove_extra_whitespaces"] = true, true
			fields(t, body, func(field int, n uint64, body []byte) {
				switch field {
				case 2:
					blob := make([]int32, len(body))
					for i, b := range body {
						blob[i] = int32(int8(b))
					}
					m["tokenizer.ggml.precompiled_charsmap"] = blob
				case 3:
					m["tokenizer.ggml.add_space_prefix"] = n != 0
				case 4:
					m["tokenizer.ggml.remove_extra_whitespaces"] = n != 0
				}
			})
		}
	})
	m["tokenizer.ggml.tokens"], m["tokenizer.ggml.scores"], m["tokenizer.ggml.token_type"] = tokens, scores, kinds
	return m
}

// fields passes on the fields of a protobuf message: a number, or the bytes of
// a string or message.
func fields(t *testing.T, raw []byte, each func(field int, n uint64, body []byte)) {
	t.Helper()
	varint := func() uint64 {
		n, size := binary.Uvarint(raw)
		if size <= 0 {
			t.Fatal("the model is cut off")
		}
		raw = raw[size:]
		return n
	}
	for len(raw) > 0 {
		tag := varint()
		field := int(tag >> 3)
		switch tag & 7 {
		case 0:
			each(field, varint(), nil)
		case 2:
			n := varint()
			each(field, 0, raw[:n])
			raw = raw[n:]
		case 5:
			each(field, uint64(binary.LittleEndian.Uint32(raw)), nil)
			raw = raw[4:]
		default:
			t.Fatalf("field %d has wire type %d", field, tag&7)
		}
	}
}

func (m modelFile) Name() string        { return "test.model" }
func (m modelFile) Has(key string) bool { _, ok := m[key]; return ok }

func entry[T any](m modelFile, key string) (T, error) {
	v, ok := m[key].(T)
	if !ok {
		return v, fmt.Errorf("%s is %T", key, m[key])
	}
	return v, nil
}

func (m modelFile) String(key string) (string, error)    { return entry[string](m, key) }
func (m modelFile) Uint(key string) (uint64, error)      { return entry[uint64](m, key) }
func (m modelFile) Bool(key string) (bool, error)        { return entry[bool](m, key) }
func (m modelFile) Strings(key string) ([]string, error) { return entry[[]string](m, key) }
func (m modelFile) Ints(key string) ([]int32, error)     { return entry[[]int32](m, key) }
func (m modelFile) Floats(key string) ([]float32, error) { return entry[[]float32](m, key) }
