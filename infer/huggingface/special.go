package huggingface

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
)

// specialKeys are the kinds of tokens with a meaning, in the order in which
// they are looked up, and the keys of their ids.
var specialKeys = []struct{ kind, key string }{
	{"bos", "tokenizer.ggml.bos_token_id"},
	{"eos", "tokenizer.ggml.eos_token_id"},
	{"unk", "tokenizer.ggml.unknown_token_id"},
	{"sep", "tokenizer.ggml.seperator_token_id"}, // spelled so in the GGUF specification
	{"pad", "tokenizer.ggml.padding_token_id"},
	{"cls", "tokenizer.ggml.cls_token_id"},
	{"mask", "tokenizer.ggml.mask_token_id"},
	{"eot", "tokenizer.ggml.eot_token_id"},
	{"eom", "tokenizer.ggml.eom_token_id"},
}

// specials collects what the files say about the tokens with a meaning. The
// order in which the files are believed is that of gguf-py's SpecialVocab.
type specials struct {
	texts map[string]string // token by kind
	add   map[string]bool   // whether it is put around a text
}

// readSpecials reads tokenizer_config.json and, for what it does not say,
// special_tokens_map.json.
func readSpecials(files ...object) specials {
	s := specials{texts: map[string]string{}, add: map[string]bool{}}
	for _, o := range files {
		for _, k := range specialKeys {
			if text := tokenText(o, k.kind+"_token"); text != "" && s.texts[k.kind] == "" {
				s.texts[k.kind] = text
			}
		}
	}
	return s
}

// tokenText is a token that is written as a text, or as an object with it.
func tokenText(o object, name string) string {
	switch v := o.values[name].(type) {
	case string:
		return v
	case map[string]any:
		text, _ := v["content"].(string)
		return text
	}
	return ""
}

// defaults are the tokens that a tokenizer.json names itself, and those that
// BERT's class has where no file says.
func (s specials) defaults(t *tokenizerJSON) {
	s.otherwise("unk", deref(t.Model.UnknownToken))
	if t.Model.Type == "WordPiece" {
		for kind, text := range map[string]string{"cls": "[CLS]", "sep": "[SEP]", "pad": "[PAD]", "mask": "[MASK]"} {
			s.otherwise(kind, text)
		}
	}
}

// template follows what a tokenizer.json puts around a text.
func (s specials) template(t *tokenizerJSON) {
	s.otherwise("bos", s.texts["cls"])
	s.otherwise("eos", s.texts["sep"])
	for _, c := range t.PostProcessor.all() {
		switch c.Type {
		case "ByteLevel":
			s.addOnce("bos", false)
			s.addOnce("eos", false)
		case "RobertaProcessing", "BertProcessing":
			s.add["bos"], s.add["eos"], s.add["sep"] = true, true, true
			s.otherwise("cls", firstText(c.CLS))
			s.otherwise("sep", firstText(c.Sep))
			s.otherwise("bos", s.texts["cls"])
			s.otherwise("eos", s.texts["sep"])
		case "TemplateProcessing":
			s.single(c.Single)
			s.pair(c)
		}
	}
}

// nothingAround says so where a tokenizer.json puts nothing around a text;
// readers of GGUF would else go by the kind of vocabulary.
func (s specials) nothingAround(flags object) {
	for _, kind := range []string{"bos", "eos"} {
		if !flags.has("add_" + kind + "_token") {
			s.addOnce(kind, false)
		}
	}
}

func firstText(pair []any) string {
	if len(pair) == 0 {
		return ""
	}
	text, _ := pair[0].(string)
	return text
}

func (s specials) otherwise(kind, text string) {
	if s.texts[kind] == "" && text != "" {
		s.texts[kind] = text
	}
}

func (s specials) addOnce(kind string, add bool) {
	if _, ok := s.add[kind]; !ok {
		s.add[kind] = add
	}
}

// single reads the template of one text: a token before it is BOS, one behind
// it EOS. Where the configuration has another EOS, that one ends a turn.
func (s specials) single(pieces []templatePiece) {
	if len(pieces) < 2 {
		return
	}
	if first := pieces[0].Special; first != nil {
		if !s.starts(first.ID) {
			s.otherwise("bos", first.ID)
			s.otherwise("cls", first.ID)
		}
		s.add["bos"] = s.starts(first.ID)
	}
	if last := pieces[len(pieces)-1].Special; last != nil {
		if eos := s.texts["eos"]; eos != "" && eos != last.ID {
			s.otherwise("eot", eos)
		}
		s.texts["eos"] = last.ID
		s.add["eos"] = true
	}
}

// starts reports whether a token is BOS or CLS.
func (s specials) starts(text string) bool {
	return text == s.texts["bos"] || text == s.texts["cls"]
}

// pair reads whether a separator comes between two texts.
func (s specials) pair(c *component) {
	n := len(c.Pair)
	if n < 3 || len(c.Single) < 2 {
		return
	}
	inner := c.Pair
	if first := c.Single[0].Special; first != nil && inner[0].Special != nil && inner[0].Special.ID == first.ID {
		inner = inner[1:]
	}
	last := c.Single[len(c.Single)-1].Special
	if end := inner[len(inner)-1].Special; last != nil && end != nil && end.ID == last.ID {
		inner = inner[:len(inner)-1]
	}
	if len(inner) < 3 || inner[0].Sequence == nil || inner[len(inner)-1].Sequence == nil {
		return
	}
	inner = inner[1 : len(inner)-1]
	known := func(p templatePiece) bool {
		return p.Special != nil && (p.Special.ID == s.texts["sep"] || p.Special.ID == s.texts["eos"])
	}
	add := known(inner[0]) && last == nil || len(inner) == 2 && known(inner[1])
	s.add["sep"] = add
	if add {
		s.otherwise("sep", s.texts["eos"])
	}
}

// specialKeys sets the ids and flags, those of config.json where the tokenizer
// does not say.
func (p *plan) specialKeys(s specials, flags object, v *vocab) {
	for _, k := range specialKeys {
		id, ok := v.ids[s.texts[k.kind]]
		if !ok || s.texts[k.kind] == "" {
			n, whole := whole(p.config.values[k.kind+"_token_id"])
			id, ok = int(n), whole && n >= 0 && n < int64(len(v.tokens))
		}
		if ok {
			p.general(k.key, uint32(id))
		}
	}
	for _, kind := range []string{"bos", "eos", "sep"} {
		add, ok := s.add[kind]
		if b, is := flags.values["add_"+kind+"_token"].(bool); !ok && is {
			add, ok = b, true
		}
		if ok {
			p.general("tokenizer.ggml.add_"+kind+"_token", add)
		}
	}
}

// moreEndings takes the ends that generation_config.json lists beside EOS, as
// those of a turn and of a message, where the tokenizer names none.
func (p *plan) moreEndings(o object, v *vocab) {
	var free []string
	for _, key := range []string{"tokenizer.ggml.eot_token_id", "tokenizer.ggml.eom_token_id"} {
		if !p.has(key) {
			free = append(free, key)
		}
	}
	for _, value := range o.values["eos_token_id"].([]any) {
		n, ok := whole(value)
		if !ok || n < 0 || n >= int64(len(v.tokens)) || p.isSpecial(uint32(n)) || len(free) == 0 {
			continue
		}
		p.general(free[0], uint32(n))
		free = free[1:]
	}
}

func (p *plan) isSpecial(id uint32) bool {
	for _, key := range []string{"eos", "eot", "eom"} {
		if i, ok := p.seen["tokenizer.ggml."+key+"_token_id"]; ok && p.meta[i].Value == id {
			return true
		}
	}
	return false
}

// addedTokensOf lists added_tokens_decoder of a tokenizer_config.json by id.
func addedTokensOf(config object) ([]addedToken, error) {
	decoder := config.object("added_tokens_decoder")
	var list []addedToken
	for _, key := range slices.Sorted(maps.Keys(decoder.values)) {
		id, err := strconv.ParseUint(key, 10, 31)
		if err != nil {
			return nil, fmt.Errorf("%s: %q is no id", decoder.where, key)
		}
		token := decoder.object(key)
		list = append(list, addedToken{ID: int(id), Content: token.text("", "content"), Special: token.flag(false, "special")})
	}
	slices.SortFunc(list, func(a, b addedToken) int { return a.ID - b.ID })
	return list, *config.err
}
