package huggingface

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"
)

// modelFiles are the names that models have for the same thing.
var modelFiles = []string{"tokenizer.model", "spiece.model", "sentencepiece.bpe.model"}

// olderFiles hold vocabularies in formats that tokenizer.json replaced.
var olderFiles = []string{"vocab.json", "vocab.txt", "merges.txt", "tekken.json"}

// tokenizer sets the keys of the tokenizer; a folder may have none.
func (p *plan) tokenizer() error {
	config, err := optional(p.dir, "tokenizer_config.json")
	if err != nil {
		return err
	}
	others, err := optional(p.dir, "special_tokens_map.json")
	if err != nil {
		return err
	}
	s := readSpecials(config, others)
	v, err := p.vocabulary(config, s)
	if v == nil || err != nil {
		return err
	}
	p.familySpecials(s)
	p.specialKeys(s, config, v)
	p.familyFlags(config)
	generation, err := optional(p.dir, "generation_config.json")
	if err != nil {
		return err
	}
	if _, ok := generation.values["eos_token_id"].([]any); ok {
		p.moreEndings(generation, v)
	}
	if err := p.templates(config); err != nil {
		return err
	}
	return errors.Join(*config.err, *others.err, *generation.err)
}

// optional reads a JSON file; without values where there is none.
func optional(dir, name string) (object, error) {
	o, err := readObject(within(dir, name), maxConfigBytes)
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	return o, err
}

// vocabulary reads the file that holds it: tokenizer.model where there is one
// that fits, since it has the scores, else tokenizer.json.
func (p *plan) vocabulary(config object, s specials) (*vocab, error) {
	size, ok := p.embeddingRows()
	if !ok {
		return nil, nil // the missing tensor is reported where the model is loaded
	}
	var t *tokenizerJSON
	if exists(p.dir, "tokenizer.json") {
		var err error
		if t, err = readTokenizerJSON(within(p.dir, "tokenizer.json")); err != nil {
			return nil, err
		}
		if err := t.mergeAdded(config); err != nil {
			return nil, err
		}
		p.around(t, s, config)
	}
	if i := slices.IndexFunc(modelFiles, func(name string) bool { return exists(p.dir, name) }); i >= 0 && t.likeSentencePiece() {
		return p.fromModelFile(modelFiles[i], t, config, size)
	}
	if t == nil {
		return nil, p.checkOlderFiles()
	}
	return p.fromJSON(t, s, size)
}

// around reads what a tokenizer.json says besides its vocabulary.
func (p *plan) around(t *tokenizerJSON, s specials, config object) {
	s.defaults(t)
	s.template(t)
	s.nothingAround(config)
	for _, c := range t.Normalizer.all() {
		p.normalizerFlags(c)
	}
}

func within(dir, name string) string { return filepath.Join(dir, name) }

// embeddingRows is the number of tokens that the weights know.
func (p *plan) embeddingRows() (int, bool) {
	for _, w := range p.weights {
		if w.Name == "token_embd.weight" && len(w.Dims) == 2 {
			return w.Dims[1], true
		}
	}
	return 0, false
}

// likeSentencePiece reports whether a tokenizer.model can be the same
// tokenizer; that of a byte-level one is a file of another format.
func (t *tokenizerJSON) likeSentencePiece() bool {
	return t == nil || t.Model.Type == "Unigram" || t.Model.Type == "BPE" && t.Model.ByteFallback
}

func (p *plan) fromJSON(t *tokenizerJSON, s specials, size int) (*vocab, error) {
	if text := s.texts["unk"]; t.Model.UnknownToken == nil {
		t.Model.UnknownToken = &text
	}
	switch {
	case t.Model.Type == "BPE" && t.Model.ByteFallback:
		return p.sentencePieceBPE(t, size)
	case t.Model.Type == "BPE":
		return p.byteLevelBPE(t, size)
	case t.Model.Type == "Unigram":
		return p.unigram(t, size)
	case t.Model.Type == "WordPiece":
		return p.wordPiece(t, size)
	}
	return nil, fmt.Errorf("%s: model.type is %q: supported are BPE, Unigram and WordPiece", t.path, t.Model.Type)
}

// fromModelFile reads a tokenizer.model of either format.
func (p *plan) fromModelFile(name string, t *tokenizerJSON, config object, size int) (*vocab, error) {
	path := within(p.dir, name)
	text, err := readSmall(path, maxTokenizerBytes)
	if err != nil {
		return nil, err
	}
	added, err := addedTokensOf(config)
	if err != nil {
		return nil, err
	}
	if isTiktoken(text) {
		r, err := parseTiktoken(path, text)
		if err != nil {
			return nil, err
		}
		return p.tiktoken(r, added, size)
	}
	model, err := parseSentencePiece(text)
	if err != nil {
		return nil, fmt.Errorf("%s: no SentencePiece model: %w", path, err)
	}
	model.path = path
	if name == "sentencepiece.bpe.model" {
		model.realign()
	}
	more, err := p.addedTokensFile()
	if err != nil {
		return nil, err
	}
	if t != nil {
		more = append(more, t.AddedTokens...)
	}
	for _, a := range more {
		if !slices.ContainsFunc(added, func(b addedToken) bool { return a.ID == b.ID }) && a.ID >= len(model.pieces) {
			added = append(added, a)
		}
	}
	return p.sentencePiece(model, added, size)
}

// addedTokensFile reads added_tokens.json of older models.
func (p *plan) addedTokensFile() ([]addedToken, error) {
	o, err := optional(p.dir, "added_tokens.json")
	if err != nil {
		return nil, err
	}
	var list []addedToken
	for _, text := range slices.Sorted(maps.Keys(o.values)) {
		list = append(list, addedToken{ID: o.count(0, text), Content: text})
	}
	return list, *o.err
}

// realign moves the pieces of XLM-RoBERTa to the ids that its first trainer
// gave them.
func (s *sentencePiece) realign() {
	first := []spPiece{{"<s>", 0, control}, {"<pad>", 0, control}, {"</s>", 0, control}, {"<unk>", 0, unknown}}
	s.pieces = append(first, s.pieces[min(3, len(s.pieces)):]...)
}

// checkOlderFiles refuses a folder whose tokenizer would be ignored.
func (p *plan) checkOlderFiles() error {
	for _, name := range olderFiles {
		if exists(p.dir, name) {
			return fmt.Errorf("%s: %s is there, but neither tokenizer.json nor tokenizer.model: save the tokenizer with a transformers version of today, which writes tokenizer.json", p.dir, name)
		}
	}
	return nil
}

// normalizerFlags sets what a WordPiece tokenizer does to a text first.
func (p *plan) normalizerFlags(c *component) {
	switch c.Type {
	case "Lowercase":
		p.general("tokenizer.ggml.normalizer.lowercase", true)
	case "StripAccents":
		p.general("tokenizer.ggml.normalizer.strip_accents", true)
	case "BertNormalizer":
		if c.Lowercase != nil {
			p.general("tokenizer.ggml.normalizer.lowercase", *c.Lowercase)
		}
		if c.StripAccents != nil {
			p.general("tokenizer.ggml.normalizer.strip_accents", *c.StripAccents)
		}
	}
}

// familySpecials names the tokens that GLM's files do not.
func (p *plan) familySpecials(s specials) {
	if p.arch != "glm4" && p.arch != "chatglm" {
		return
	}
	s.otherwise("eos", "<|endoftext|>")
	s.otherwise("eot", "<|user|>")
	s.otherwise("unk", "<|endoftext|>")
	if p.arch == "glm4" {
		s.otherwise("bos", "<|endoftext|>")
	}
}

// familyFlags sets what llama.cpp's conversion sets for some families.
func (p *plan) familyFlags(config object) {
	switch p.arch {
	case "chatglm":
		p.general("tokenizer.ggml.add_bos_token", false)
	case "gemma2", "gemma3":
		p.general("tokenizer.ggml.add_space_prefix", false)
	case "llama", "smollm3":
		if add, ok := config.values["add_prefix_space"].(bool); ok {
			p.general("tokenizer.ggml.add_space_prefix", add)
		}
	}
}
