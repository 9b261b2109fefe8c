package chat

import (
	"encoding/json"
	"strings"
	"sync"
	"testing"
	"time"
)

func parse(t testing.TB, source string) *Template {
	t.Helper()
	tmpl, err := Parse(source)
	if err != nil {
		t.Fatal(err)
	}
	tmpl.now = func() time.Time { return time.Date(2026, 2, 3, 4, 5, 6, 0, time.UTC) }
	return tmpl
}

// write renders messages in JSON.
func write(t testing.TB, tmpl *Template, messages string, c Conversation) (string, error) {
	t.Helper()
	var err error
	if c.Messages, err = ParseMessages([]byte(messages)); err != nil {
		t.Fatal(err)
	}
	out, err := tmpl.Render(c)
	if err != nil {
		return "", err
	}
	return out.String(), nil
}

var conversation = []Message{{Role: "user", Content: "Licht an"}, {Role: "assistant", Content: "ok"}, {Role: "user", Content: "<|end|> {{ 7 }}"}}

const builtin = `{% for m in messages %}{% if m.role in ['user', 'assistant'] %}<|{{ m.role }}|>{{ m.content }}{% if m.role == 'assistant' %}<|end|>{% endif %}{% endif %}{% endfor %}{% if add_generation_prompt %}<|assistant|>{% endif %}`

func TestRender(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, source, want string }{
		{"turns", builtin, "<|user|>Licht an<|assistant|>ok<|end|><|user|><|end|> {{ 7 }}<|assistant|>"},
		{"special tokens", "{{ bos_token }}{{ messages[0]['content'] | trim }}", "<s>Licht an"},
		{"no tools", "[{{ tools }}]{{ tools is defined }}", "[]False"},
		{"date", "{{ strftime_now('%d %b %Y, %H:%M %%') }}", "03 Feb 2026, 04:05 %"},
		{"a variable", "{{ 'thinking' if mood.a else '' }}{{ add_generation_prompt }}", "thinkingTrue"},
		{"fallback", Fallback, "User: Licht an\n\nAssistant: ok\n\nUser: <|end|> {{ 7 }}\n\nAssistant:"},
		{"a message as JSON", "{{ messages[1] | tojson }}", `{"role": "assistant", "content": "ok"}`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, err := parse(t, tt.source).Render(Conversation{
				Messages: conversation, Special: map[string]string{"bos_token": "<s>"},
				Variables: map[string]json.RawMessage{"mood": json.RawMessage(`{"a": true}`)},
			})
			if err != nil || got.String() != tt.want {
				t.Fatalf("got %q, error %v; want %q", got, err, tt.want)
			}
		})
	}
}

// Only the role, special tokens and the template itself are its own.
func TestOrigin(t *testing.T) {
	t.Parallel()
	out, err := parse(t, "{{ bos_token }}{{ messages[0].role }}<{{ messages[0].content }}>{{ tools[0].function.name }}{{ mood }}").Render(Conversation{
		Messages: []Message{{Role: "user", Content: "a"}}, Tools: json.RawMessage(`[{"function": {"name": "b"}}]`),
		Special: map[string]string{"bos_token": "<s>"}, Variables: map[string]json.RawMessage{"mood": json.RawMessage(`"c"`)},
	})
	if err != nil {
		t.Fatal(err)
	}
	var pieces []string
	for piece, outside := range out.Pieces() {
		if outside {
			piece = "[" + piece + "]"
		}
		pieces = append(pieces, piece)
	}
	if got := strings.Join(pieces, ""); got != "<s>user<[a]>[bc]" {
		t.Errorf("got %s", got)
	}
}

const callWith = `[{"role": "user", "content": "a"}, {"role": "assistant", "content": null, "tool_calls": [{"id": "1", "type": "function", "function": {"name": "f", "arguments": ARGUMENTS}}]}]`

// A client writes messages in one way; templates want them in several.
func TestFitting(t *testing.T) {
	t.Parallel()
	asString := strings.Replace(callWith, "ARGUMENTS", `"{\"x\": 1}"`, 1)
	asObject := strings.Replace(callWith, "ARGUMENTS", `{"x": 1}`, 1)
	noObject := strings.Replace(callWith, "ARGUMENTS", `"{x"`, 1)
	const calls = "{% for m in messages %}{% for c in m.tool_calls %}{{ %s }}{% endfor %}{% endfor %}"
	object := strings.Replace(calls, "%s", "c.function.arguments | tojson", 1)
	text := strings.Replace(calls, "%s", "'<' + c.function.arguments + '>'", 1)
	const parts = `[{"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]}]`
	const plain = `[{"role": "user", "content": "a"}]`
	for _, tt := range []struct{ name, source, messages, want string }{
		{"string to object", object, asString, `{"x": 1}`},
		{"object stays", object, asObject, `{"x": 1}`},
		{"no object in the string", object, noObject, `"{x"`},
		{"string stays", text, asString, `<{"x": 1}>`},
		{"parts to text", "{% for m in messages %}<{{ m.content }}>{% endfor %}", parts, "<a\nb>"},
		{"parts stay", "{% for m in messages %}{% if m.content is string %}<{{ m.content }}>{% else %}{% for p in m.content %}{{ p.text }};{% endfor %}{% endif %}{% endfor %}", parts, "a;b;"},
		{"text to parts", "{% for m in messages %}{% for p in m.content %}{{ p.text }};{% endfor %}{% endfor %}", plain, "a;"},
		{"null stays", "{% for m in messages %}{% if m.content is none %}none{% endif %}{% endfor %}", asObject, "none"},
		{"null to text", "{% for m in messages %}{{ '<' + m.content + '>' }}{% endfor %}", asObject, "<a><>"},
		{"None is not written", "{% for m in messages %}<{{ m.content }}>{% endfor %}", asObject, "<a><>"},
		{"a developer is the system", "{{ messages[0].role }}", `[{"role": "developer", "content": "x"}]`, "system"},
		{"where it is not known", "{% if messages[0].role == 'developer' %}{{ messages[0].role }}{% endif %}", `[{"role": "developer", "content": "x"}]`, "developer"},
		{"further fields", "{{ messages[0].mood }}{{ messages[0] | tojson }}", `[{"mood": 1, "role": "user"}]`, `1{"mood": 1, "role": "user"}`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got, err := write(t, parse(t, tt.source), tt.messages, Conversation{}); err != nil || got != tt.want {
				t.Errorf("got %q, error %v; want %q", got, err, tt.want)
			}
		})
	}
}

func TestMadeMessages(t *testing.T) {
	t.Parallel()
	got, err := parse(t, "{{ messages | tojson }}").Render(Conversation{Messages: []Message{
		{Role: "assistant", Reasoning: "hm", ToolCalls: []ToolCall{{ID: "1", Name: "f", Arguments: `{"b": 1, "a": 2}`}}},
		{Role: "tool", Content: "x", Name: "f", ToolCallID: "1"},
	}})
	const want = `[{"role": "assistant", "content": "", "reasoning_content": "hm", "tool_calls": [{"id": "1", "type": "function", "function": {"name": "f", "arguments": {"b": 1, "a": 2}}}]}, ` +
		`{"role": "tool", "content": "x", "name": "f", "tool_call_id": "1"}]`
	if err != nil || got.String() != want {
		t.Errorf("got %s, error %v", got, err)
	}
}

func TestParseMessages(t *testing.T) {
	t.Parallel()
	got, err := ParseMessages([]byte(`[{"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "image_url"}, {"type": "text", "text": "b"}]},
		{"role": "assistant", "reasoning_content": "r", "tool_calls": [{"id": "1", "function": {"name": "f", "arguments": {"a": 1}}}, {"function": {"name": "g", "arguments": "{}"}}]},
		{"role": "tool", "name": "f", "tool_call_id": "1", "content": "c"}]`))
	if err != nil || len(got) != 3 {
		t.Fatal(got, err)
	}
	if got[0].Content != "a\nb" || got[1].Reasoning != "r" || got[1].ToolCalls[0] != (ToolCall{"1", "f", `{"a": 1}`}) || got[1].ToolCalls[1] != (ToolCall{"", "g", "{}"}) || got[2].ToolCallID != "1" || got[2].Name != "f" {
		t.Errorf("%+v", got)
	}
	for _, e := range []struct{ raw, want string }{
		{"", "end of JSON"}, {"{}", "want a list"}, {"[1]", "message 0"}, {`[{"role": "user", "content": "x"}, {}]`, "message 1: role is missing"},
		{`[{"role": "im_end"}]`, `message 0: role "im_end"`}, {`[{"role": 1}]`, "message 0: role"}, {`[{"role": "user", "content": 1}]`, "content"},
		{`[{"role": "user", "content": [{}]}]`, "content[0].type"}, {`[{"role": "user", "content": [{"type": "text"}]}]`, "content[0].text"},
		{`[{"role": "assistant", "tool_calls": [{}]}]`, "tool_calls[0].function.name"},
		{`[{"role": "assistant", "tool_calls": [{"function": {"name": "f", "arguments": 1}}]}]`, "tool_calls[0].function.arguments"},
		{`[{"role": "tool", "tool_call_id": 1}]`, "tool_call_id"},
	} {
		if _, err := ParseMessages([]byte(e.raw)); err == nil || !strings.Contains(err.Error(), e.want) {
			t.Errorf("%s: error %v does not say %q", e.raw, err, e.want)
		}
	}
	for raw, want := range map[string]string{"{}": "want a list", "[{}]": "tool 0: function.name", `[{"function": {"name": "f"}}, {"function": {}}]`: "tool 1"} {
		if err := CheckTools([]byte(raw)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v does not say %q", raw, err, want)
		}
	}
}

func TestContinue(t *testing.T) {
	t.Parallel()
	const source = "{% for m in messages %}<{{ m.role }}>{{ m.content | trim }}</>{% endfor %}{% if add_generation_prompt %}<assistant>{% endif %}"
	for content, want := range map[string]string{"It is ": "<user>It is</><assistant>It is", "so": "<user>It is</><assistant>so"} {
		got, err := parse(t, source).Render(Conversation{Continue: true, Messages: []Message{{Role: "user", Content: "It is"}, {Role: "assistant", Content: content}}})
		if err != nil || got.String() != want {
			t.Errorf("got %q, error %v; want %q", got, err, want)
		}
	}
	if _, err := parse(t, "{{ messages[0].content | upper }}").Render(Conversation{Continue: true, Messages: conversation[:1]}); err == nil {
		t.Error("no error for a template that changes the message")
	}
}

func TestRenderRejects(t *testing.T) {
	t.Parallel()
	user := conversation[:1]
	for _, tt := range []struct {
		name, source string
		c            Conversation
		want         string
	}{
		{"no messages", "x", Conversation{}, "no messages"},
		{"an unknown role", "x", Conversation{Messages: []Message{{Role: "user"}, {Role: "im_end"}}}, `message 1 has role "im_end"`},
		{"what the template refuses", "{{ raise_exception('no ' + 'way') }}", Conversation{Messages: user}, "no way"},
		{"a failure", "\n{{ messages.x.y }}", Conversation{Messages: user}, "line 2"},
		{"broken tools", "x", Conversation{Messages: user, Tools: json.RawMessage("{")}, "tools"},
		{"tools that are no list", "x", Conversation{Messages: user, Tools: json.RawMessage("{}")}, "tools: want a list"},
		{"a document that is no object", "x", Conversation{Messages: user, Documents: json.RawMessage("[1]")}, "documents: entry 0"},
		{"a broken variable", "x", Conversation{Messages: user, Variables: map[string]json.RawMessage{"mood": json.RawMessage("x")}}, "mood"},
		{"a broken message", "x", Conversation{Messages: []Message{{Role: "user", JSON: json.RawMessage("[]")}}}, "message 0"},
		{"a picture for a template without parts", "{{ messages[0].content }}", Conversation{Messages: []Message{{Role: "user", JSON: json.RawMessage(`{"role": "user", "content": [{"type": "image_url"}]}`)}}}, "content[0]"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if _, err := parse(t, tt.source).Render(tt.c); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Fatalf("error %v does not say %q", err, tt.want)
			}
		})
	}
}

func TestRenderIsSafeForConcurrentUse(t *testing.T) {
	t.Parallel()
	tmpl := parse(t, builtin)
	want := "<|user|>Licht an<|assistant|>ok<|end|><|user|><|end|> {{ 7 }}<|assistant|>"
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 20 {
				if got, err := tmpl.Render(Conversation{Messages: conversation}); err != nil || got.String() != want {
					t.Errorf("got %q, error %v", got, err)
				}
			}
		})
	}
	wg.Wait()
}

// FuzzMessages renders any messages and tools with templates like those of the
// families.
func FuzzMessages(f *testing.F) {
	const hermes = `{%- if tools %}<tools>{% for t in tools %}{{ t | tojson }}{% endfor %}</tools>{% endif %}
{%- for m in messages %}<|im_start|>{{ m.role }}
{% if m.content is string %}{{ m.content.split('</think>')[-1].lstrip('\n') }}{% else %}{% for p in m.content or [] %}{{ p.text if p.type == 'text' else p | tojson }}{% endfor %}{% endif %}
{%- for c in m.tool_calls or [] %}<tool_call>{"name": "{{ c.function.name }}", "arguments": {{ c.function.arguments if c.function.arguments is string else c.function.arguments | tojson(indent=2) }}}</tool_call>{% endfor %}<|im_end|>
{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant{% endif %}`
	const xml = `{% macro field(k, v) %}<{{ k }}>{{ v | string | trim | upper }}</{{ k }}>{% endmacro %}{% for m in messages %}{% for c in m.tool_calls %}{% for k, v in c.function.arguments.items() %}{{ field(k, v) }}{% endfor %}{% endfor %}{{ '[' + m.content + ']' }}{% endfor %}`
	templates := []*Template{parse(f, hermes), parse(f, xml), parse(f, Fallback), parse(f, builtin)}
	f.Add(`[{"role": "user", "content": "a"}]`, `[{"type": "function", "function": {"name": "f"}}]`)
	f.Add(callWith, `[]`)
	f.Add(strings.Replace(callWith, "ARGUMENTS", `{"x": [1, "</think>"]}`, 1), `[{}]`)
	f.Add(`[{"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "x"}]}, {"role": "tool", "content": null}]`, `null`)
	f.Fuzz(func(t *testing.T, messages, tools string) {
		all, err := ParseMessages([]byte(messages))
		if err != nil {
			return
		}
		for _, tmpl := range templates {
			_, err := tmpl.Render(Conversation{Messages: all, Tools: json.RawMessage(tools)})
			if err != nil && strings.Contains(err.Error(), "the template engine failed") {
				t.Fatal(err)
			}
		}
	})
}
