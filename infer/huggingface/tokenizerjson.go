package huggingface

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"unicode/utf8"
)

// maxTokenizerBytes bounds a file of a tokenizer; the largest published ones
// have 35 MB. Reading one takes several times its size.
const maxTokenizerBytes = 256 << 20

// tokenizerJSON is a tokenizer.json, the format of Hugging Face's tokenizers.
type tokenizerJSON struct {
	path          string
	AddedTokens   []addedToken `json:"added_tokens"`
	Normalizer    *component   `json:"normalizer"`
	PreTokenizer  *component   `json:"pre_tokenizer"`
	PostProcessor *component   `json:"post_processor"`
	Model         struct {
		Type         string          `json:"type"`
		Vocab        json.RawMessage `json:"vocab"`
		Merges       json.RawMessage `json:"merges"`
		UnknownToken *string         `json:"unk_token"`
		UnknownID    *int            `json:"unk_id"`
		Prefix       *string         `json:"continuing_subword_prefix"`
		Suffix       *string         `json:"end_of_word_suffix"`
		ByteFallback bool            `json:"byte_fallback"`
		IgnoreMerges bool            `json:"ignore_merges"`
	} `json:"model"`
}

// addedToken is matched in a text before anything else.
type addedToken struct {
	ID      int    `json:"id"`
	Content string `json:"content"`
	Special bool   `json:"special"`
}

// component is a normalizer, pre-tokenizer or post-processor of any type.
type component struct {
	Type             string          `json:"type"`
	Normalizers      []*component    `json:"normalizers"`
	Pretokenizers    []*component    `json:"pretokenizers"`
	Processors       []*component    `json:"processors"`
	Pattern          json.RawMessage `json:"pattern"`
	Content          string          `json:"content"`
	Behavior         string          `json:"behavior"`
	Invert           bool            `json:"invert"`
	UseRegex         *bool           `json:"use_regex"`
	IndividualDigits bool            `json:"individual_digits"`
	AddPrefixSpace   *bool           `json:"add_prefix_space"`
	PrependScheme    string          `json:"prepend_scheme"`
	Prepend          string          `json:"prepend"`
	Charsmap         []byte          `json:"precompiled_charsmap"`
	Lowercase        *bool           `json:"lowercase"`
	StripAccents     *bool           `json:"strip_accents"`
	CLS              []any           `json:"cls"` // text and id
	Sep              []any           `json:"sep"`
	Single           []templatePiece `json:"single"`
	Pair             []templatePiece `json:"pair"`
}

// templatePiece is one part of what a TemplateProcessing makes of a text.
type templatePiece struct {
	Special *struct {
		ID string `json:"id"`
	} `json:"SpecialToken"`
	Sequence *struct {
		ID string `json:"id"`
	} `json:"Sequence"`
}

func readTokenizerJSON(path string) (*tokenizerJSON, error) {
	text, err := readSmall(path, maxTokenizerBytes)
	if err != nil {
		return nil, err
	}
	return parseTokenizerJSON(path, text)
}

func parseTokenizerJSON(path string, text []byte) (*tokenizerJSON, error) {
	if !utf8.Valid(text) {
		return nil, fmt.Errorf("%s: not valid UTF-8", path)
	}
	t := &tokenizerJSON{path: path}
	if err := json.Unmarshal(text, t); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if t.Model.Type == "" {
		t.Model.Type = t.untyped()
	}
	return t, nil
}

// untyped finds the type of a model as the first versions wrote it: without.
func (t *tokenizerJSON) untyped() string {
	switch {
	case len(t.Model.Merges) > 0:
		return "BPE"
	case bytes.HasPrefix(bytes.TrimSpace(t.Model.Vocab), []byte("[")):
		return "Unigram"
	case t.Model.Prefix != nil:
		return "WordPiece"
	}
	return ""
}

// vocab decodes the tokens of BPE and WordPiece.
func (t *tokenizerJSON) vocab() (map[string]int, error) {
	var ids map[string]int
	if err := json.Unmarshal(t.Model.Vocab, &ids); err != nil {
		return nil, fmt.Errorf("%s: model.vocab: %w", t.path, err)
	}
	return ids, nil
}

// piece is a token of a Unigram model.
type piece struct {
	text  string
	score float32
}

func (p *piece) UnmarshalJSON(text []byte) error {
	return json.Unmarshal(text, &[]any{&p.text, &p.score})
}

func (t *tokenizerJSON) pieces() ([]piece, error) {
	var list []piece
	if err := json.Unmarshal(t.Model.Vocab, &list); err != nil {
		return nil, fmt.Errorf("%s: model.vocab: %w", t.path, err)
	}
	return list, nil
}

// merges decodes the pairs that are merged, the first ones first: written as
// "a b", or since 2024 as ["a", "b"].
func (t *tokenizerJSON) merges() ([][2]string, error) {
	var pairs [][]string
	if json.Unmarshal(t.Model.Merges, &pairs) != nil {
		var lines []string
		if err := json.Unmarshal(t.Model.Merges, &lines); err != nil {
			return nil, fmt.Errorf("%s: model.merges: %w", t.path, err)
		}
		pairs = make([][]string, len(lines))
		for i, line := range lines {
			pairs[i] = splitMerge(line)
		}
	}
	merges := make([][2]string, len(pairs))
	for i, pair := range pairs {
		if len(pair) != 2 || pair[0] == "" || pair[1] == "" {
			return nil, fmt.Errorf("%s: model.merges[%d] is %q, not two parts", t.path, i, pair)
		}
		merges[i] = [2]string(pair)
	}
	return merges, nil
}

func splitMerge(line string) []string {
	parts := bytes.Split([]byte(line), []byte(" "))
	out := make([]string, len(parts))
	for i, part := range parts {
		out[i] = string(part)
	}
	return out
}

// pattern is the text of a Split's or Replace's pattern.
func (c *component) pattern() (string, error) {
	var p struct{ Regex, String *string }
	if err := json.Unmarshal(c.Pattern, &p); err != nil {
		return "", fmt.Errorf("%s: pattern: %w", c.Type, err)
	}
	switch {
	case p.Regex != nil:
		return *p.Regex, nil
	case p.String != nil:
		return *p.String, nil
	}
	return "", errors.New(c.Type + " has no pattern")
}

// all lists a component and those within it, in order.
func (c *component) all() []*component {
	if c == nil {
		return nil
	}
	list := []*component{c}
	for _, inner := range [][]*component{c.Normalizers, c.Pretokenizers, c.Processors} {
		for _, part := range inner {
			list = append(list, part.all()...)
		}
	}
	return list
}

// mergeAdded adds the tokens that only tokenizer_config.json lists.
func (t *tokenizerJSON) mergeAdded(config object) error {
	seen := map[int]bool{}
	for _, a := range t.AddedTokens {
		seen[a.ID] = true
	}
	more, err := addedTokensOf(config)
	for _, a := range more {
		if !seen[a.ID] {
			t.AddedTokens = append(t.AddedTokens, a)
		}
	}
	return err
}
