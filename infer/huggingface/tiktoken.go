package huggingface

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// maxTiktokenBytes bounds a token of a tiktoken file, since finding its parts
// takes the square of its length. The longest published ones have 256.
const maxTiktokenBytes = 1024

// isTiktoken recognizes a file of lines "BASE64 RANK", which GLM-4 calls
// tokenizer.model too.
func isTiktoken(text []byte) bool {
	line, _, _ := bytes.Cut(text, []byte("\n"))
	token, rank, ok := strings.Cut(strings.TrimSpace(string(line)), " ")
	_, errToken := base64.StdEncoding.DecodeString(token)
	_, errRank := strconv.ParseUint(rank, 10, 31)
	return ok && token != "" && errToken == nil && errRank == nil
}

// ranks are the tokens of a tiktoken file, as bytes; the rank is the id, and
// the order in which tokens come to be by merging.
type ranks struct {
	where string
	of    map[string]int
	texts []string // by line
}

func parseTiktoken(path string, text []byte) (*ranks, error) {
	r := &ranks{where: path, of: map[string]int{}}
	for i, line := range strings.Split(strings.TrimRight(string(text), "\n"), "\n") {
		encoded, digits, _ := strings.Cut(strings.TrimSpace(line), " ")
		token, errToken := base64.StdEncoding.DecodeString(encoded)
		rank, errRank := strconv.ParseUint(digits, 10, 31)
		_, twice := r.of[string(token)]
		if errToken != nil || errRank != nil || len(token) == 0 || len(token) > maxTiktokenBytes || twice {
			return nil, fmt.Errorf("%s: line %d is no new token in base64 and a rank: %.60q", path, i+1, line)
		}
		r.of[string(token)] = int(rank)
		r.texts = append(r.texts, string(token))
	}
	return r, nil
}

// tiktoken sets a byte-level vocabulary from ranks: a token of several bytes is
// the merge of the two that merging its bytes ends with.
func (p *plan) tiktoken(r *ranks, added []addedToken, size int) (*vocab, error) {
	pre, ok := namesByArchitecture[p.arch]["dbrx"]
	if !ok {
		return nil, fmt.Errorf("%s: a tiktoken file does not say how a text is split before the merges: add the model's tokenizer.json", r.where)
	}
	v := newVocab(r.where, size)
	merges := make([]string, size) // by rank
	for _, token := range r.texts {
		id := r.of[token]
		if err := v.put(id, byteLetters(token), 0, normal); err != nil {
			return nil, err
		}
		left, right, err := r.parts(token)
		if err != nil {
			return nil, err
		}
		if right != "" {
			merges[id] = byteLetters(left) + " " + byteLetters(right)
		}
	}
	for _, a := range added {
		if err := v.replace(a, 0); err != nil {
			return nil, err
		}
	}
	p.vocabKeys("gpt2", pre, v, false)
	list := []string{}
	for _, m := range merges {
		if m != "" {
			list = append(list, m)
		}
	}
	p.general("tokenizer.ggml.merges", list)
	return v, nil
}

// parts merges the bytes of a token with the ranks before its own, the lowest
// first; a token of one byte is its own left part.
func (r *ranks) parts(token string) (left, right string, err error) {
	var parts []string
	for i := range len(token) {
		parts = append(parts, token[i:i+1])
	}
	own := r.of[token]
	pair := func(i int) int { // rank of parts i and i+1 together; own where they cannot be merged
		if i < 0 || i+1 >= len(parts) {
			return own
		}
		if rank, ok := r.of[parts[i]+parts[i+1]]; ok {
			return min(rank, own)
		}
		return own
	}
	pairs := make([]int, max(0, len(parts)-1))
	for i := range pairs {
		pairs[i] = pair(i)
	}
	for len(parts) > 2 {
		at := 0
		for i, rank := range pairs {
			if rank < pairs[at] {
				at = i
			}
		}
		if pairs[at] == own {
			return "", "", fmt.Errorf("%s: token %q of rank %d is no merge of two earlier ones", r.where, token, own)
		}
		parts[at] += parts[at+1]
		parts, pairs = slices.Delete(parts, at+1, at+2), slices.Delete(pairs, at, at+1)
		for _, i := range []int{at - 1, at} {
			if i >= 0 && i < len(pairs) {
				pairs[i] = pair(i)
			}
		}
	}
	return parts[0], strings.Join(parts[1:], ""), nil
}

// byteLetters writes bytes as GPT-2 does: printable ones of Latin-1 as
// themselves, the others in their order from U+0100 on.
func byteLetters(token string) string {
	var b []byte
	for i := range len(token) {
		b = utf8.AppendRune(b, letters[token[i]])
	}
	return string(b)
}

var letters = func() (table [256]rune) {
	next := rune(256)
	for i := range table {
		switch c := rune(i); {
		case '!' <= c && c <= '~', '¡' <= c && c <= '¬', '®' <= c && c <= 'ÿ':
			table[i] = c
		default:
			table[i] = next
			next++
		}
	}
	return table
}()
