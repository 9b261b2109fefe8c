package tokenizer

import (
	"fmt"
	"strconv"
	"strings"
)

const (
	blank     = "▁" // a space, as SentencePiece writes it
	byteWidth = len("<0x00>")
)

// byteTokens are the tokens of single bytes that stand in for what a vocabulary
// cannot write.
type byteTokens struct {
	ids [256]int32 // none where there is none
	all bool       // every byte has a token
}

func loadBytes(file string, v *vocab) (*byteTokens, error) {
	t := &byteTokens{}
	for b := range t.ids {
		t.ids[b] = none
	}
	found := 0
	for id := range v.kinds {
		if v.kind(int32(id)) != byteToken {
			continue
		}
		b, err := parseByte(v.tokens[id])
		if err != nil {
			return nil, fmt.Errorf("%s: %s[%d]: %w", file, keyTokens, id, err)
		}
		if t.ids[b] == none {
			t.ids[b] = int32(id)
			found++
		}
	}
	t.all = found == len(t.ids)
	return t, nil
}

// parseByte reads a byte token such as <0x0A>.
func parseByte(token string) (byte, error) {
	if len(token) == byteWidth && strings.HasPrefix(token, "<0x") && token[byteWidth-1] == '>' {
		if b, err := strconv.ParseUint(token[3:5], 16, 8); err == nil {
			return byte(b), nil
		}
	}
	return 0, fmt.Errorf("byte token %q does not have the form <0xHH>", token)
}

// append writes text in byte tokens. Where a byte has none the unknown token
// stands, once for a run of them, if there is such a token.
func (t *byteTokens) append(ids []int32, text string, unknown int32) []int32 {
	for i := 0; i < len(text); i++ {
		id := t.ids[text[i]]
		if id == none {
			if unknown == none || len(ids) > 0 && ids[len(ids)-1] == unknown {
				continue
			}
			id = unknown
		}
		ids = append(ids, id)
	}
	return ids
}

// appendText appends the text of a token of a vocabulary with byte tokens in
// which U+2581 is a space.
func (t *byteTokens) appendText(dst []byte, v *vocab, id int32) []byte {
	switch v.kind(id) {
	case userDefined:
		return append(dst, v.tokens[id]...)
	case byteToken:
		if b, err := parseByte(v.tokens[id]); err == nil {
			return append(dst, b)
		}
	}
	return append(dst, strings.ReplaceAll(v.tokens[id], blank, " ")...)
}
