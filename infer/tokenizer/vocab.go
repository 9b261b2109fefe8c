package tokenizer

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"unicode/utf8"
)

// none is the id of a special token that a vocabulary does not have.
const none int32 = -1

// kind is a token's type as tokenizer.ggml.token_type numbers it.
type kind int32

const (
	undefined   kind = iota
	normal           // text
	unknown          // stands for what the vocabulary cannot write
	control          // structure, such as the end of a turn: no text
	userDefined      // text that is one token wherever it stands
	unused
	byteToken // one raw byte, written <0xHH>
)

// vocab is the list of tokens and what the metadata says about them. It does
// not change after load.
type vocab struct {
	tokens         []string // by id; may alias the file
	kinds          []int32  // by id, of type kind; nil: all normal
	bos, eos, unk  int32    // none where there is none
	addBOS, addEOS bool     // around a text that is encoded with special tokens
	stops          []int32
}

func (v *vocab) kind(id int32) kind {
	if v.kinds == nil {
		return normal
	}
	return kind(v.kinds[id])
}

func (v *vocab) has(id int32) bool { return id >= 0 && int(id) < len(v.tokens) }

// isMark reports whether a token gives a prompt its structure: a control or
// unknown token, or a marker of a chat format. A token of a single rune could
// not be told from a user's text.
func (v *vocab) isMark(id int32) bool {
	switch v.kind(id) {
	case control, unknown:
	case userDefined:
		if !looksSpecial(v.tokens[id]) {
			return false
		}
	default:
		return false
	}
	return utf8.RuneCountInString(v.tokens[id]) > 1
}

// isText reports whether ordinary text can become a token.
func (v *vocab) isText(id int32) bool { return !v.isMark(id) && v.tokens[id] != "" }

// isPlain is isText for vocabularies with tokens of bytes, which text names in
// vain.
func (v *vocab) isPlain(id int32) bool { return v.isText(id) && v.kind(id) != byteToken }

// maxTrie bounds the bytes of the tokens of a vocabulary that is kept in a
// trie, which takes many times the memory. Published ones have a tenth.
const maxTrie = 1 << 24

func (v *vocab) checkTrie(file string) error {
	size := 0
	for _, token := range v.tokens {
		if size += len(token); size > maxTrie {
			return fmt.Errorf("%s: %s has more than %d bytes", file, keyTokens, maxTrie)
		}
	}
	return nil
}

// textTable finds the tokens that isPlain by their text in the file.
func (v *vocab) textTable() *table {
	return newTable(v.tokens, func(id int) bool { return v.isPlain(int32(id)) })
}

func loadVocab(m Metadata) (*vocab, error) {
	tokens, err := m.Strings(keyTokens)
	if err != nil {
		return nil, fmt.Errorf("read vocabulary: %w", err)
	}
	if len(tokens) == 0 || len(tokens) > math.MaxInt32 {
		return nil, fmt.Errorf("%s: %s has %d tokens", m.Name(), keyTokens, len(tokens))
	}
	kinds, err := loadKinds(m, len(tokens))
	if err != nil {
		return nil, err
	}
	if err := checkDeclaredSize(m, len(tokens)); err != nil {
		return nil, err
	}
	return &vocab{tokens: tokens, kinds: kinds}, nil
}

func loadKinds(m Metadata, size int) ([]int32, error) {
	if !m.Has(keyTypes) {
		return nil, nil
	}
	kinds, err := m.Ints(keyTypes)
	if err != nil {
		return nil, fmt.Errorf("read token types: %w", err)
	}
	if len(kinds) != size {
		return nil, fmt.Errorf("%s: %s has %d entries for %d tokens", m.Name(), keyTypes, len(kinds), size)
	}
	for id, k := range kinds {
		if kind(k) < undefined || kind(k) > byteToken {
			return nil, fmt.Errorf("%s: %s[%d] is %d, not a type from 0 to 6", m.Name(), keyTypes, id, k)
		}
	}
	return kinds, nil
}

// checkDeclaredSize compares the list with ARCH.vocab_size. Fewer tokens than
// declared are a padded embedding matrix; more would index beyond it.
func checkDeclaredSize(m Metadata, size int) error {
	if !m.Has(keyArchitecture) {
		return nil
	}
	arch, err := m.String(keyArchitecture)
	if err != nil {
		return fmt.Errorf("read architecture: %w", err)
	}
	key := arch + ".vocab_size"
	if !m.Has(key) {
		return nil
	}
	declared, err := m.Uint(key)
	if err != nil {
		return fmt.Errorf("read vocabulary size: %w", err)
	}
	if declared < uint64(size) {
		return fmt.Errorf("%s: %s is %d, but %s has %d tokens", m.Name(), key, declared, keyTokens, size)
	}
	return nil
}

// endings are texts of control tokens that end an answer in the chat formats
// in use. Some files name only one of them as their EOS, and list others as
// user-defined. (Source: ggml-org/llama.cpp, llama-vocab.cpp, special_eog_ids.)
var endings = []string{
	"<|eot_id|>", "<|eom_id|>", "<|im_end|>", "<|end|>", "<end_of_turn>", "<|endoftext|>", "<|end_of_text|>",
	"<EOT>", "_<EOT>", "[EOT]", "[EOS]", "<|EOT|>", "<｜end▁of▁sentence｜>", "</s>", "<eos>", "<turn|>", "<|tool_response>",
	"<|return|>", "<|call|>", "<|calls|>", "<|flush|>", "<end_of_utterance>", "[e~[",
}

// findEndings makes control tokens of the user-defined tokens that end an
// answer, and returns all that do.
func (v *vocab) findEndings() (ids []int32) {
	owned := false
	for id := range v.kinds {
		switch v.kind(int32(id)) {
		case userDefined:
			if !v.ends(v.tokens[id]) {
				continue
			}
			if !owned { // until now the list was the file's
				v.kinds, owned = slices.Clone(v.kinds), true
			}
			v.kinds[id] = int32(control)
			ids = append(ids, int32(id))
		case control:
			if v.ends(v.tokens[id]) {
				ids = append(ids, int32(id))
			}
		}
	}
	return ids
}

// ends reports whether a text ends an answer. With a token for the end of a
// call, <|end|> ends only a message within an answer.
func (v *vocab) ends(text string) bool {
	if text == "<|end|>" && (slices.Contains(v.tokens, "<|call|>") || slices.Contains(v.tokens, "<|calls|>")) {
		return false
	}
	return slices.Contains(endings, text)
}

// setStops fills stops from ids of which some are none.
func (v *vocab) setStops(ids ...int32) {
	slices.Sort(ids)
	v.stops = slices.DeleteFunc(slices.Compact(ids), func(id int32) bool { return id == none })
}

// looksSpecial tells the markers of chat formats, some of which files list as
// user-defined, from ordinary text that is one token, such as a run of spaces.
func looksSpecial(text string) bool {
	return strings.HasPrefix(text, "<|") && strings.HasSuffix(text, "|>") ||
		strings.HasPrefix(text, "<｜") && strings.HasSuffix(text, "｜>") ||
		slices.Contains(endings, text) || text == "<s>" || text == "</s>" || text == "<start_of_turn>"
}
