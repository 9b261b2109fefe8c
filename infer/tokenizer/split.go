package tokenizer

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"
)

// A stage finds the first match of one pre-tokenizer pattern at or after byte
// from of text. It returns start == end == len(text) when there is none.
// Scanning a text stage by stage costs time linear in the text, whatever it
// holds.
type stage func(text string, from int) (start, end int)

// A matcher returns the end of the match that begins exactly at text[i:], or
// i when there is none. i is below len(text).
type matcher func(text string, i int) int

// A splitter cuts a text the way a published pre-tokenizer does: every stage
// cuts the pieces of the stage before it into matches and the gaps between
// them. Joined, the pieces are the text.
type splitter []stage

func (s splitter) split(text string, emit func(piece string)) {
	if len(s) == 0 {
		emit(text)
		return
	}
	for i := 0; i < len(text); {
		start, end := s[0](text, i)
		if start > i {
			s[1:].split(text[i:start], emit)
		}
		if end > start {
			s[1:].split(text[start:end], emit)
		}
		i = end
	}
}

// anywhere turns a matcher into a stage by trying it at every rune.
func anywhere(m matcher) stage {
	return func(text string, from int) (int, int) {
		for i := from; i < len(text); {
			if end := m(text, i); end > i {
				return i, end
			}
			_, width := utf8.DecodeRuneInString(text[i:])
			i += width
		}
		return len(text), len(text)
	}
}

// splitters holds the supported pre-tokenizers by the name that the GGUF key
// tokenizer.ggml.pre gives them. The patterns are the ones published in each
// family's tokenizer.json; the tests state them as regular expressions.
var splitters = map[string]splitter{
	"default":        {anywhere(some(falconPuncts)), anywhere(gpt2), anywhere(some(numbers)), anywhere(threeDigits)},
	"gpt-2":          {anywhere(gpt2)},
	"starcoder":      {anywhere(one(numbers)), anywhere(gpt2)},
	"falcon":         {anywhere(some(falconTicks)), anywhere(gpt2), anywhere(threeDigits)},
	"llama-bpe":      {anywhere(llama3.match)},
	"qwen2":          {anywhere(qwen2.match)},
	"qwen35":         {anywhere(qwen35.match)},
	"seed-coder":     {anywhere(seedCoder.match)},
	"exaone-moe":     {anywhere(exaoneMoE.match)},
	"ufakzeka":       {anywhere(turkish.match)},
	"minicpm5":       {anywhere(atMost(3, numbers)), anywhere(minicpm.match)},
	"laguna":         {anywhere(lines), anywhere(qwen2.match)},
	"jais-2":         {anywhere(llama3.match), halvedSpaces},
	"tekken":         {anywhere(tekken.match)},
	"gpt-4o":         {anywhere(gpt4o.match)},
	"kimi-k2":        {anywhere(kimi.match)},
	"youtu":          {anywhere(youtuScripts), anywhere(youtu.match)},
	"tiny_aya":       {boundedDigits, pureThrees, anywhere(gpt4o.match)},
	"superbpe":       {anywhere(some(numbers)), threes(decimals)},
	"bloom":          {anywhere(after(blanks, bloomWords))},
	"viking":         {anywhere(after(blanks, bloomWords)), anywhere(one(numbers))},
	"chameleon":      {anywhere(sentinel), anywhere(image), anywhere(tabsAndIndents), anywhere(one(numbers)), anywhere(one(chameleonPuncts)), anywhere(gpt2)},
	"deepseek-llm":   {anywhere(one(newlines)), anywhere(after(anySpace, deepSeekCased)), anywhere(after(anySpace, deepSeekPuncts)), trailingSpace, anywhere(some(deepSeekCJK)), anywhere(some(numbers))},
	"deepseek-coder": {anywhere(one(newlines)), anywhere(after(anySpace, letters)), anywhere(after(anySpace, puncts)), anywhere(some(deepSeekCJK)), anywhere(one(numbers))},
	"deepseek-v3":    {anywhere(atMost(3, numbers)), anywhere(some(hanKana)), anywhere(deepSeek3)},
	"spark2_5":       {anywhere(atMost(3, numbers)), anywhere(some(hanKana)), anywhere(spark), anywhere(one(numbers))},
	"afmoe":          {anywhere(some(numbers)), threes(numbers), anywhere(some(afmoeScripts)), anywhere(deepSeek3)},
	"gemma4":         {anywhere(lines)},
}

// aliases are further names of tokenizer.ggml.pre for the same patterns.
var aliases = map[string]string{
	"": "default",

	"phi-2": "gpt-2", "mpt": "gpt-2", "olmo": "gpt-2", "jais": "gpt-2", "gigachat": "gpt-2", "roberta-bpe": "gpt-2",
	"trillion": "gpt-2", "exaone4": "gpt-2", "mellum": "gpt-2", "modern-bert": "gpt-2", "granite-docling": "gpt-2",
	"a.x-4.0": "gpt-2", "jina-es": "gpt-2", "jina-de": "gpt-2", "jina-v1-en": "gpt-2", "jina-v2-es": "gpt-2",
	"jina-v2-de": "gpt-2", "jina-v2-code": "gpt-2",

	"smollm": "starcoder", "refact": "starcoder", "command-r": "starcoder", "codeshell": "starcoder",
	"exaone": "starcoder", "minerva-7b": "starcoder", "mellum2": "starcoder",

	"llama3": "llama-bpe", "llama-v3": "llama-bpe", "falcon3": "llama-bpe", "falcon-h1": "llama-bpe",
	"pixtral": "llama-bpe", "midm-2.0": "llama-bpe", "lfm2": "llama-bpe", "jina-v5-nano": "llama-bpe",
	"dbrx": "llama-bpe", "smaug-bpe": "llama-bpe", "chatglm-bpe": "llama-bpe", "glm4": "llama-bpe", "glm5": "llama-bpe",

	"stablelm2": "qwen2", "megrez": "qwen2", "deepseek-r1-qwen": "qwen2", "kormo": "qwen2", "f2llmv2": "qwen2",
	"hunyuan": "qwen2", "solar-open": "qwen2", "grok-2": "qwen2", "bailingmoe": "qwen2", "bailingmoe2": "qwen2",
	"llada-moe": "qwen2",

	"llama4": "gpt-4o", "kanana2": "gpt-4o", "talkie": "gpt-4o", "minimax-m2": "gpt-4o", "granite-embed-multi-97m": "gpt-4o",
	"cohere2moe": "tiny_aya",

	"hunyuan-dense": "deepseek-v3", "joyai-llm": "deepseek-v3", "hy_v4": "deepseek-v3",

	"poro-chat": "bloom", "gpt3-finnish": "bloom",

	"sarvam-moe": "gemma4", "granite-embed-multi-311m": "gemma4",
}

// Splitters returns the names that [SplitterFor] knows, sorted.
func Splitters() []string {
	names := slices.Collect(maps.Keys(splitters))
	names = slices.AppendSeq(names, maps.Keys(aliases))
	names = slices.DeleteFunc(names, func(n string) bool { return n == "" })
	slices.Sort(names)
	return names
}

// SplitterFor returns the pre-tokenizer with the given name of the GGUF key
// tokenizer.ggml.pre; the empty name means "default". The function it returns
// passes the pieces of text to emit in order; no byte is lost, whatever the
// text holds, and it may be called concurrently. A trainer that learns merges
// inside these pieces learns exactly what [Tokenizer.Encode] will apply.
func SplitterFor(pre string) (func(text string, emit func(piece string)), error) {
	s, err := splitterFor(pre)
	if err != nil {
		return nil, err
	}
	return s.split, nil
}

func splitterFor(pre string) (splitter, error) {
	name := pre
	if alias, ok := aliases[pre]; ok {
		name = alias
	}
	s, ok := splitters[name]
	if !ok {
		return nil, fmt.Errorf("pre-tokenizer %q is not supported; supported are %s", pre, strings.Join(Splitters(), ", "))
	}
	return s, nil
}
