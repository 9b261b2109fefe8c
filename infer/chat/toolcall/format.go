package toolcall

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Format is how a family writes calls of tools and reasoning.
type Format struct {
	Name string
	// begins are the marks behind which calls come, which the function calls
	// reads, up to and including the mark that ends them.
	begins []string
	calls  func(p *Parser, mark string) error
	// bare reads calls that begin an answer without a mark; it returns errNone
	// where there are none.
	bare func(p *Parser) error
	// thinks and thought are the marks around the reasoning.
	thinks, thought []string
	// marks are the control tokens that this format reads.
	marks []string
}

// Formats lists the names of the formats.
func Formats() []string { return slices.Sorted(maps.Keys(formats)) }

// Named returns a format by its name.
func Named(name string) (Format, error) {
	f, ok := formats[name]
	if !ok {
		return Format{}, fmt.Errorf("tool call format %q is not known; known are %s", name, strings.Join(Formats(), ", "))
	}
	return f.complete(name), nil
}

// detectors tell the format from the text of a template; the first counts whose
// words are all there.
var detectors = []struct {
	format string
	words  []string
}{
	{"deepseek", []string{"<｜tool▁calls▁begin｜>"}},
	{"kimi-k2", []string{"<|tool_calls_section_begin|>"}},
	{"glm-4.5", []string{"<arg_key>"}},
	{"qwen3-coder", []string{"<function=", "<parameter="}},
	{"functionary-v3.1", []string{"<function="}},
	{"functionary-v3.2", []string{">>>all"}},
	{"hermes", []string{"<tool_call>"}},
	{"mistral", []string{"[TOOL_CALLS]"}},
	{"command-r7b", []string{"<|START_ACTION|>"}},
	{"firefunction", []string{"functools["}},
	{"granite", []string{"<|tool_call|>"}},
	{"apriel", []string{"<tool_calls>"}},
	{"llama-3", []string{"<|python_tag|>"}},
	{"llama-3", []string{"<|start_header_id|>", "ipython"}},
	{"glm-4", []string{"<|observation|>"}},
}

// Detect returns the format that a chat template expects of its model; plain,
// which has no calls, if it knows none.
func Detect(template string) Format {
	name := "plain"
	for _, d := range detectors {
		if !slices.ContainsFunc(d.words, func(w string) bool { return !strings.Contains(template, w) }) {
			name = d.format
			break
		}
	}
	f, _ := Named(name)
	return f
}

// formats are all that are known.
var formats = map[string]Format{
	"plain":            {},
	"apriel":           {begins: []string{"<tool_calls>"}, calls: listUntil("</tool_calls>")},
	"command-r7b":      {begins: []string{"<|START_ACTION|>"}, calls: listUntil("<|END_ACTION|>")},
	"deepseek":         {begins: []string{deepseekBegin}, calls: deepseek},
	"firefunction":     {begins: []string{"functools"}, calls: listUntil("")},
	"functionary-v3.1": {begins: []string{"<function=", pythonTag}, calls: functionTag},
	"functionary-v3.2": {begins: []string{recipientMark}, calls: recipient, bare: bareRecipient},
	"glm-4":            {bare: nameLine},
	"glm-4.5":          {begins: []string{"<tool_call>"}, calls: glm},
	"granite":          {begins: []string{"<|tool_call|>", "<tool_call>"}, calls: listUntil("")},
	"hermes":           {begins: []string{"<tool_call>"}, calls: hermes},
	"kimi-k2":          {begins: []string{kimiBegin}, calls: kimi},
	"llama-3":          {begins: []string{pythonTag}, calls: llamaTag, bare: llama},
	"mistral":          {begins: []string{mistralBegin}, calls: mistral},
	"qwen3-coder":      {begins: []string{"<tool_call>", "<function="}, calls: qwenCoder},
}

// complete adds what formats have in common.
func (f Format) complete(name string) Format {
	f.Name = name
	f.thinks = []string{"<think>", "[THINK]", "<|START_THINKING|>"}
	f.thought = []string{"</think>", "[/THINK]", "<|END_THINKING|>"}
	f.marks = slices.Concat(f.begins, f.thinks, f.thought, []string{
		"</tool_call>", "</tool_calls>", "<|END_ACTION|>", "[ARGS]", "[CALL_ID]",
		"<arg_key>", "</arg_key>", "<arg_value>", "</arg_value>",
		"<｜tool▁call▁begin｜>", "<｜tool▁call▁end｜>", "<｜tool▁calls▁end｜>", "<｜tool▁sep｜>",
		"<|tool_call_begin|>", "<|tool_call_argument_begin|>", "<|tool_call_end|>", "<|tool_calls_section_end|>",
	})
	return f
}

// opens reports whether the end of a prompt opens the reasoning.
func (f Format) opens(prompt string) bool {
	prompt = strings.TrimRight(prompt, " \t\r\n")
	return slices.ContainsFunc(f.thinks, func(mark string) bool { return strings.HasSuffix(prompt, mark) })
}
