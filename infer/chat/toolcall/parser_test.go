package toolcall

import (
	"encoding/json"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
)

const weather = `[{"type": "function", "function": {"name": "f", "parameters": {"type": "object", "properties": {"s": {"type": "string"}, "n": {"type": "integer"}}}}}]`

// read returns the answer and the events, with the texts of the same kind joined.
func read(format string, prompt string, deltas ...string) (Answer, []Event) {
	f, err := Named(format)
	if err != nil {
		panic(err)
	}
	p := New(f, Options{Tools: json.RawMessage(weather), Prompt: prompt})
	var a Answer
	var events []Event
	take := func(all []Event) {
		for _, e := range all {
			a.Add(e)
			if n := len(events); n > 0 && e.Text != "" && e.Kind != Note && events[n-1].Kind == e.Kind {
				events[n-1].Text += e.Text
				continue
			}
			events = append(events, e)
		}
	}
	for _, d := range deltas {
		take(p.Push(d))
	}
	take(p.Finish())
	return a, events
}

var cases = []struct {
	name, format, prompt, text string
	content, reasoning         string
	calls                      []Call
	notes                      int
}{
	{name: "text", format: "hermes", text: " a < b\n", content: " a < b\n"},
	{name: "hermes", format: "hermes", text: "<tool_call>\n{\"name\": \"f\", \"arguments\": {\"a\": [1, {\"b\": \"}\\\"é\"}]}}\n</tool_call>",
		calls: []Call{{"", "f", `{"a": [1, {"b": "}\"é"}]}`}}},
	{name: "text, two calls, text", format: "hermes", text: "I look.\n<tool_call>{\"name\":\"f\",\"arguments\":{}}</tool_call>\n<tool_call>{\"arguments\":{\"x\":1},\"name\":\"g\"}</tool_call>\nDone.",
		content: "I look.\nDone.", calls: []Call{{"", "f", "{}"}, {"", "g", `{"x":1}`}}},
	{name: "no end mark", format: "hermes", text: `<tool_call>{"name":"f","arguments":{}}`, calls: []Call{{"", "f", "{}"}}},
	{name: "arguments as a string", format: "hermes", text: `<tool_call>{"name":"f","arguments":"{\"a\": 1}"}</tool_call>`, calls: []Call{{"", "f", `{"a": 1}`}}},
	{name: "no arguments", format: "hermes", text: `<tool_call>{"name":"f"}</tool_call>`, calls: []Call{{"", "f", "{}"}}},
	{name: "cut off", format: "hermes", text: `x <tool_call>{"name":"f","arguments":{"a": "b`, content: `x <tool_call>{"name":"f","arguments":{"a": "b`, notes: 1},
	{name: "no JSON", format: "hermes", text: "<tool_call>f(1)</tool_call> ok", content: "<tool_call>f(1)</tool_call> ok", notes: 1},
	{name: "malformed behind the name", format: "hermes", text: `<tool_call>{"name":"f","arguments":{"a": tru}}</tool_call>`, content: `<tool_call>{"name":"f","arguments":{"a": tru}}</tool_call>`, notes: 1},
	{name: "the second is malformed", format: "hermes", text: "<tool_call>{\"name\":\"f\"}</tool_call>\n<tool_call>{]", content: "\n<tool_call>{]", calls: []Call{{"", "f", "{}"}}, notes: 1},
	{name: "half a mark", format: "hermes", text: "a <tool_", content: "a <tool_"},
	{name: "reasoning", format: "hermes", text: "<think>\nLet me see <b>.\n\nYes.\n</think>\n\n<tool_call>{\"name\":\"f\"}</tool_call>", reasoning: "Let me see <b>.\n\nYes.", calls: []Call{{"", "f", "{}"}}},
	{name: "reasoning that the prompt opens", format: "plain", prompt: "<|im_start|>assistant\n<think>\n", text: "Hm.\n</think>\nHello", content: "Hello", reasoning: "Hm."},
	{name: "no reasoning in it", format: "plain", prompt: "<think>\n", text: "</think>\n\nHello", content: "Hello"},
	{name: "reasoning without an end", format: "plain", text: "<think>a b ", reasoning: "a b "},
	{name: "a mark in the answer", format: "plain", text: "Write <think> and <tool_call>.", content: "Write <think> and <tool_call>."},
	{name: "llama", format: "llama-3", text: `{"name": "f", "parameters": {"s": "x"}}`, calls: []Call{{"", "f", `{"s": "x"}`}}},
	{name: "llama with its tag", format: "llama-3", text: `<|python_tag|>{"name": "f", "parameters": {}}; {"name": "g", "parameters": {}}`, calls: []Call{{"", "f", "{}"}, {"", "g", "{}"}}},
	{name: "llama with a type", format: "llama-3", text: `{"type": "function", "name": "f", "parameters": {"a": null}}`, calls: []Call{{"", "f", `{"a": null}`}}},
	{name: "llama answers in JSON", format: "llama-3", text: `{"answer": {"name": 42}}`, content: `{"answer": {"name": 42}}`},
	{name: "llama answers with a name", format: "llama-3", text: ` {"name": "Bob", "age": 3} `, content: ` {"name": "Bob", "age": 3} `},
	{name: "llama has half an object", format: "llama-3", text: `{"`, content: `{"`},
	{name: "python", format: "llama-3", text: `<|python_tag|>print(1)`, content: `<|python_tag|>print(1)`, notes: 1},
	{name: "mistral, the list", format: "mistral", text: `[TOOL_CALLS][{"name": "f", "arguments": {"a": 1}, "id": "call00001"}, {"name": "g", "arguments": {}}]`,
		calls: []Call{{"call00001", "f", `{"a": 1}`}, {"", "g", "{}"}}},
	{name: "mistral, the names", format: "mistral", text: `Yes.[TOOL_CALLS]f[ARGS]{"a": 1}[TOOL_CALLS]g[CALL_ID]000000001[ARGS]{}`, content: "Yes.",
		calls: []Call{{"", "f", `{"a": 1}`}, {"000000001", "g", "{}"}}},
	{name: "mistral, a broken list", format: "mistral", text: `[TOOL_CALLS][{"name": "f", "arguments": {}}, {"name" 1}]`, content: `, {"name" 1}]`, calls: []Call{{"", "f", "{}"}}, notes: 1},
	{name: "magistral", format: "mistral", text: "[THINK]So.[/THINK]Hi", reasoning: "So.", content: "Hi"},
	{name: "glm 4.5", format: "glm-4.5", text: "<tool_call>f\n<arg_key>s</arg_key>\n<arg_value>12</arg_value>\n<arg_key>n</arg_key>\n<arg_value>12</arg_value>\n<arg_key>u</arg_key><arg_value>a \"b\"\n</arg_value>\n</tool_call>",
		calls: []Call{{"", "f", `{"s": "12", "n": 12, "u": "a \"b\"\n"}`}}},
	{name: "glm 4.5 cut off", format: "glm-4.5", text: "<tool_call>f\n<arg_key>s</arg_key>", content: "<tool_call>f\n<arg_key>s</arg_key>", notes: 1},
	{name: "glm 4.5 twice the same", format: "glm-4.5", text: "<tool_call>f<arg_key>s</arg_key><arg_value></arg_value><arg_key>s</arg_key><arg_value></arg_value></tool_call>",
		content: "<tool_call>f<arg_key>s</arg_key><arg_value></arg_value><arg_key>s</arg_key><arg_value></arg_value></tool_call>", notes: 1},
	{name: "glm 4", format: "glm-4", text: "f\n{\"s\": \"x\"}", calls: []Call{{"", "f", `{"s": "x"}`}}},
	{name: "glm 4 says a word", format: "glm-4", text: "Example\n{}", content: "Example\n{}"},
	{name: "qwen coder", format: "qwen3-coder", text: "<tool_call>\n<function=f>\n<parameter=s>\nif a:\n  b\n</parameter>\n<parameter=n>\n3\n</parameter>\n<parameter=o>\n{\"a\": [1]}\n</parameter>\n</function>\n</tool_call>",
		calls: []Call{{"", "f", `{"s": "if a:\n  b", "n": 3, "o": {"a": [1]}}`}}},
	{name: "qwen coder without the outer mark", format: "qwen3-coder", text: "<function=f>\n</function>", calls: []Call{{"", "f", "{}"}}},
	{name: "deepseek r1", format: "deepseek", text: "<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>function<｜tool▁sep｜>f\n```json\n{\"a\": 1}\n```<｜tool▁call▁end｜>\n<｜tool▁call▁begin｜>function<｜tool▁sep｜>g\n```json\n{}\n```<｜tool▁call▁end｜><｜tool▁calls▁end｜>",
		calls: []Call{{"", "f", `{"a": 1}`}, {"", "g", "{}"}}},
	{name: "deepseek v3.1", format: "deepseek", text: "Ok<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>f<｜tool▁sep｜>{\"a\": 1}<｜tool▁call▁end｜><｜tool▁calls▁end｜>", content: "Ok", calls: []Call{{"", "f", `{"a": 1}`}}},
	{name: "kimi", format: "kimi-k2", text: `<|tool_calls_section_begin|><|tool_call_begin|>functions.f:0<|tool_call_argument_begin|>{}<|tool_call_end|><|tool_calls_section_end|>`, calls: []Call{{"functions.f:0", "f", "{}"}}},
	{name: "functionary 3.1", format: "functionary-v3.1", text: `<function=f>{"a": 1}</function>`, calls: []Call{{"", "f", `{"a": 1}`}}},
	{name: "functionary 3.2", format: "functionary-v3.2", text: "all\nI look.>>>f\n{\"a\": 1}", content: "I look.", calls: []Call{{"", "f", `{"a": 1}`}}},
	{name: "firefunction", format: "firefunction", text: ` functools[{"name": "f", "arguments": {"a": 1}}]`, calls: []Call{{"", "f", `{"a": 1}`}}},
	{name: "command r", format: "command-r7b", text: "<|START_THINKING|>I will.<|END_THINKING|><|START_ACTION|>[\n {\"tool_call_id\": \"0\", \"tool_name\": \"f\", \"parameters\": {}}\n]<|END_ACTION|>", reasoning: "I will.", calls: []Call{{"0", "f", "{}"}}},
	{name: "granite", format: "granite", text: `<|tool_call|>[{"name": "f", "arguments": {}}]`, calls: []Call{{"", "f", "{}"}}},
	{name: "apriel", format: "apriel", text: `<tool_calls>[{"name": "f", "arguments": {}, "id": "1"}]</tool_calls>`, calls: []Call{{"1", "f", "{}"}}},
}

func TestParser(t *testing.T) {
	t.Parallel()
	formatsSeen := map[string]bool{}
	for _, c := range cases {
		formatsSeen[c.format] = true
		t.Run(c.name, func(t *testing.T) {
			a, _ := read(c.format, c.prompt, c.text)
			if a.Content != c.content || a.Reasoning != c.reasoning || !reflect.DeepEqual(a.Calls, c.calls) || len(a.Notes) != c.notes {
				t.Errorf("content %q, reasoning %q, calls %q, notes %q", a.Content, a.Reasoning, a.Calls, a.Notes)
			}
		})
	}
	for _, name := range Formats() {
		if !formatsSeen[name] {
			t.Errorf("no case for format %s", name)
		}
	}
}

// However the text is cut, the events are the same.
func TestCutsMakeNoDifference(t *testing.T) {
	t.Parallel()
	for _, c := range cases {
		_, want := read(c.format, c.prompt, c.text)
		check := func(deltas ...string) {
			if _, got := read(c.format, c.prompt, deltas...); !reflect.DeepEqual(got, want) {
				t.Errorf("%s, cut to %q:\n got %+v\nwant %+v", c.name, deltas, got, want)
			}
		}
		for i := range c.text {
			check(c.text[:i], c.text[i:])
		}
		check(strings.Split(c.text, "")...)
		random := rand.New(rand.NewPCG(1, 2))
		for range 50 {
			check(cut(c.text, random)...)
		}
	}
}

// cut cuts a text into pieces of whole runes.
func cut(text string, random *rand.Rand) (pieces []string) {
	runes := []rune(text)
	for len(runes) > 0 {
		n := min(len(runes), 1+random.IntN(9))
		pieces, runes = append(pieces, string(runes[:n])), runes[n:]
	}
	return pieces
}

// What is certain is passed on at once, and nothing before.
func TestStreaming(t *testing.T) {
	t.Parallel()
	f, _ := Named("hermes")
	p := New(f, Options{})
	defer p.Finish()
	for _, step := range []struct {
		push string
		want []Event
	}{
		{"Hi", []Event{{Kind: Content, Text: "Hi"}}},
		{" <tool", nil},
		{"_box> ", []Event{{Kind: Content, Text: " <tool_box>"}}},
		{"<tool_call>\n{\"name\": \"f\", \"argu", nil},
		{"ments\": {\"a\"", []Event{{Kind: Start, Name: "f"}, {Kind: Arguments, Text: `{"a"`}}},
		{": 1", []Event{{Kind: Arguments, Text: ": "}}},
		{"}", []Event{{Kind: Arguments, Text: "1}"}}},
		{"}", []Event{{Kind: End}}},
		{"</tool_call>", nil},
	} {
		if got := p.Push(step.push); !reflect.DeepEqual(got, step.want) {
			t.Errorf("%q: %+v, want %+v", step.push, got, step.want)
		}
	}
}

func TestControl(t *testing.T) {
	t.Parallel()
	f, _ := Named("mistral")
	p := New(f, Options{})
	var a Answer
	for _, step := range []func() []Event{
		func() []Event { return p.Push("a") },
		func() []Event { return p.Control("<pad>") },
		func() []Event { return p.Control("[TOOL_CALLS]") },
		func() []Event { return p.Push("f") },
		func() []Event { return p.Control("[ARGS]") },
		func() []Event { return p.Push("{}") },
		p.Finish, p.Finish,
		func() []Event { return p.Push("late") },
	} {
		for _, e := range step() {
			a.Add(e)
		}
	}
	if a.Content != "a" || !reflect.DeepEqual(a.Calls, []Call{{"", "f", "{}"}}) {
		t.Errorf("%+v", a)
	}
}

func TestBounds(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"a long call":    `<tool_call>{"name":"f","arguments":{"a":"` + strings.Repeat("x", MaxCall) + `"}}</tool_call>`,
		"deep arguments": `<tool_call>{"name":"f","arguments":{"a":` + strings.Repeat("[", 200) + strings.Repeat("]", 200) + `}}</tool_call>`,
		"a long space":   "<tool_call>" + strings.Repeat(" ", 2*MaxCall),
		"a long name":    "<tool_call>" + strings.Repeat("f", MaxCall),
	} {
		if a, _ := read("hermes", "", text); a.Content != text || len(a.Calls) != 0 || len(a.Notes) != 1 {
			t.Errorf("%s: %d bytes of %d, %d calls, notes %q", name, len(a.Content), len(text), len(a.Calls), a.Notes)
		}
	}
}

func TestDetect(t *testing.T) {
	t.Parallel()
	for template, want := range map[string]string{
		"":                             "plain",
		"{{ '<tool_call>' }}<arg_key>": "glm-4.5",
		"<tool_call>":                  "hermes",
		"<tool_call>\n<function=a>\n<parameter=b>":    "qwen3-coder",
		"<|start_header_id|>ipython<|end_header_id|>": "llama-3",
		"[TOOL_CALLS]": "mistral",
	} {
		if got := Detect(template).Name; got != want {
			t.Errorf("%q: %s, want %s", template, got, want)
		}
	}
	for _, d := range detectors {
		if _, err := Named(d.format); err != nil {
			t.Error(err)
		}
	}
	if _, err := Named("morse"); err == nil || !strings.Contains(err.Error(), "hermes") {
		t.Errorf("error %v does not list the formats", err)
	}
}

// FuzzParser checks of any text in any format: cuts make no difference, no text
// is lost, and the arguments of a call are an object.
func FuzzParser(f *testing.F) {
	for i, c := range cases {
		f.Add(c.text, c.format, uint64(i))
	}
	f.Fuzz(func(t *testing.T, text, format string, seed uint64) {
		if _, err := Named(format); err != nil || len(text) > 1<<14 {
			return
		}
		text = strings.ToValidUTF8(text, "\uFFFD")
		a, want := read(format, "", text)
		_, got := read(format, "", cut(text, rand.New(rand.NewPCG(seed, 1)))...)
		if !reflect.DeepEqual(got, want) {
			t.Fatalf("cut:\n got %+v\nwant %+v", got, want)
		}
		if len(a.Calls) == 0 && a.Reasoning == "" && a.Content != text && !dropped(format, text) {
			t.Fatalf("content %q", a.Content)
		}
		for _, c := range a.Calls {
			var object map[string]any
			if err := json.Unmarshal([]byte(c.Arguments), &object); err != nil || object == nil || c.Name == "" {
				t.Fatalf("call %q: %v", c, err)
			}
		}
	})
}

// dropped reports whether marks without a call or reasoning may be in a text.
func dropped(format, text string) bool {
	return strings.Contains(text, "think") || strings.Contains(text, "THINK") || format == "functionary-v3.2"
}
