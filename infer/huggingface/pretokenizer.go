package huggingface

import (
	"fmt"
	"strings"
)

// The patterns of published tokenizer.json files, line breaks written as \r and
// \n.
const (
	contractions = `(?i:'s|'t|'re|'ve|'m|'ll|'d)`
	spacesLast   = `\s+(?!\S)|\s+`
	afterWords   = ` ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|` + spacesLast
	word         = `[^\r\n\p{L}\p{N}]?\p{L}+`

	upper     = `[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]`
	lower     = `[\p{Ll}\p{Lm}\p{Lo}\p{M}]`
	camelHead = `[^\r\n\p{L}\p{N}]?` + upper + `*` + lower + `+`
	camelTail = `[^\r\n\p{L}\p{N}]?` + upper + `+` + lower + `*`
	afterPath = ` ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|` + spacesLast

	llama3Words  = contractions + `|` + word + `|\p{N}{1,3}|` + afterWords
	qwen2Words   = contractions + `|` + word + `|\p{N}|` + afterWords
	qwen35Words  = contractions + `|[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+|\p{N}| ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*|\s*[\r\n]+|` + spacesLast
	tekkenWords  = camelHead + `|` + camelTail + `|\p{N}|` + afterPath
	gpt4oWords   = camelHead + contractions + `?|` + camelTail + contractions + `?|\p{N}{1,3}|` + afterPath
	bailingWords = `'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]++[\r\n]*|\s*[\r\n]|` + spacesLast
	seedWords    = contractions + `|` + word + `|\p{N}{1}| ?[^\s\p{L}\p{N}\r\n]+|\s*[\r\n]+|` + spacesLast
	exaoneWords  = contractions + `|[^\r\n\p{L}\p{N}]?(?:\p{L}\p{M}*(?: \p{L}\p{M}*)*)+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]?|\s*[\r\n]|` + spacesLast
	minicpmWords = contractions + `|` + word + `|\p{N}+|` + afterWords
	deepseekCJK  = `[一-龥ࠀ-一가-퟿]+`
	deepseek3    = `[!"#$%&'()*+,\-./:;<=>?@\[\\\]^_` + "`" + `{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|` + spacesLast
)

// preTokenizer is one way of cutting a text before the merges.
type preTokenizer struct {
	name  string   // value of tokenizer.ggml.pre
	steps []string // as stepsOf writes them
}

// preTokenizers are the known ones. Several families share a way and differ in
// name only; then the oldest name stands for all.
var preTokenizers = []preTokenizer{
	{"gpt-2", []string{byteLevelWords}},
	{"smollm", []string{digits1, byteLevelWords}},
	{"falcon", []string{punctuation, byteLevelWords, digits, split(`[0-9][0-9][0-9]`)}},
	{"llama-bpe", []string{split(llama3Words), byteLevel, wholeWords}},
	{"dbrx", []string{split(llama3Words), byteLevel}},
	{"qwen2", []string{split(qwen2Words), byteLevel}},
	{"qwen35", []string{split(qwen35Words), byteLevel}},
	{"tekken", []string{split(tekkenWords), byteLevel, wholeWords}},
	{"gpt-4o", []string{split(gpt4oWords), byteLevel}},
	{"bailingmoe", []string{split(bailingWords), byteLevel}},
	{"seed-coder", []string{split(seedWords), byteLevel}},
	{"exaone-moe", []string{split(exaoneWords), byteLevel}},
	{"minicpm5", []string{split(`\p{N}{1,3}`), split(minicpmWords), byteLevel}},
	{"bloom", []string{split(` ?[^(\s|[.,!?…。，、।۔،])]+`), byteLevel}},
	{"deepseek-coder", []string{split(`[\r\n]`), split(`\s?\p{L}+`), split(`\s?\p{P}+`), split(deepseekCJK), digits1, byteLevel}},
	{"deepseek-llm", []string{split(`[\r\n]`), split(deepseekLetters), split("\\s?[!-/:-~！-／：-～‘-‟\u3000-。]+"), split(`\s+$`), split(deepseekCJK), digits1, byteLevel}},
	{"deepseek-v3", []string{split(`\p{N}{1,3}`), split(`[一-龥぀-ゟ゠-ヿ]+`), split(deepseek3), byteLevel}},
}

// namesByArchitecture are names that a family's files have for a way that
// others have too, and that readers derive more from than the way.
var namesByArchitecture = map[string]map[string]string{
	"glm4":    {"dbrx": "glm4", "llama-bpe": "glm4"},
	"chatglm": {"dbrx": "chatglm-bpe", "llama-bpe": "chatglm-bpe"},
	"bert":    {"gpt-2": "roberta-bpe"},
	"bart":    {"gpt-2": "roberta-bpe"},
}

// The steps that have no pattern.
const (
	byteLevel      = "ByteLevel"
	byteLevelWords = "ByteLevel with GPT-2's words"
	digits         = "Digits"
	digits1        = "Digits, each alone"
	punctuation    = "Punctuation, contiguous"
	wholeWords     = "words that are tokens are not merged" // ignore_merges
)

func split(pattern string) string { return "Split " + pattern }

// preTokenizerOf finds the name of the way that a tokenizer.json describes.
func (t *tokenizerJSON) preTokenizerOf(arch string) (string, error) {
	steps, err := stepsOf(t.PreTokenizer)
	if err != nil {
		return "", err
	}
	// A merge of a whole word is what comes of merging, but for these.
	described := strings.Join(steps, "\n")
	if t.Model.IgnoreMerges {
		described += "\n" + wholeWords
	}
	for _, exact := range []string{described, strings.Join(steps, "\n")} {
		for _, known := range preTokenizers {
			if strings.Join(known.steps, "\n") != exact {
				continue
			}
			if name, ok := namesByArchitecture[arch][known.name]; ok {
				return name, nil
			}
			return known.name, nil
		}
	}
	return "", fmt.Errorf("pre_tokenizer is none of the known ones: %s", strings.Join(steps, "; "))
}

// stepsOf flattens a pre_tokenizer into lines that can be compared.
func stepsOf(p *component) ([]string, error) {
	if p == nil {
		return []string{"none"}, nil
	}
	var steps []string
	for _, part := range p.Pretokenizers {
		more, err := stepsOf(part)
		if err != nil {
			return nil, err
		}
		steps = append(steps, more...)
	}
	switch p.Type {
	case "Sequence":
		return steps, nil
	case "ByteLevel":
		if p.UseRegex == nil || *p.UseRegex {
			return []string{byteLevelWords}, nil
		}
		return []string{byteLevel}, nil
	case "Digits":
		if p.IndividualDigits {
			return []string{digits1}, nil
		}
		return []string{digits}, nil
	case "Punctuation":
		if strings.EqualFold(p.Behavior, "contiguous") {
			return []string{punctuation}, nil
		}
		return []string{"Punctuation, " + p.Behavior}, nil
	case "Split":
		return p.splitStep()
	}
	return []string{p.Type}, nil
}

// splitStep writes a Split. Matches alone, with all between them dropped, are
// the same as matches and what is between them, since the known patterns match
// everything.
func (p *component) splitStep() ([]string, error) {
	pattern, err := p.pattern()
	if err != nil {
		return nil, err
	}
	step := split(strings.NewReplacer("\r", `\r`, "\n", `\n`, "\t", `\t`).Replace(pattern))
	if strings.EqualFold(p.Behavior, "isolated") && !p.Invert || strings.EqualFold(p.Behavior, "removed") && p.Invert {
		return []string{step}, nil
	}
	return []string{fmt.Sprintf("%s (%s, invert %v)", step, p.Behavior, p.Invert)}, nil
}
