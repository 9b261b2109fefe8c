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

var conversation = []Message{{"user", "Licht an"}, {"assistant", "ok"}, {"user", "<|end|> {{ 7 }}"}}

const builtin = `{% for m in messages %}{% if m.role in ['user', 'assistant'] %}<|{{ m.role }}|>{{ m.content }}{% if m.role == 'assistant' %}<|end|>{% endif %}{% endif %}{% endfor %}{% if add_generation_prompt %}<|assistant|>{% endif %}`

func TestRender(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, source, want string
	}{
		{"turns", builtin, "<|user|>Licht an<|assistant|>ok<|end|><|user|><|end|> {{ 7 }}<|assistant|>"},
		{"blocks take their line with them", "a\n  {% if true %}\n  b\n  {% endif %}\nc", "a\n  b\nc"},
		{"variables", "{{ bos_token }}{{ messages[0]['content'] | trim }}", "<s>Licht an"},
		{"undefined is nothing", "[{{ tools }}]", "[]"},
		{"namespace", "{% set ns = namespace(n=0) %}{% for m in messages %}{% set ns.n = ns.n + 1 %}{% endfor %}{{ ns.n }}", "3"},
		{"set", "{% set a = 1 if x else 2 %}{% set b %}<{{ a }}>{% endset %}{{ b }}{% set a = a + 1 %}{{ a }}", "<2>3"},
		{"range", "{% for i in range(3) %}{{ i }}{% endfor %}{% for i in range(3, 0, -2) %}{{ i }}{% endfor %}", "01231"},
		{"macro", "{% macro f(x) %}<{{ x }}>{% endmacro %}{{ f(1) }}{{ f('a') }}", "<1><a>"},
		{"generation", "{% for m in messages %}{% generation %}{{ m.role }};{% endgeneration %}{% endfor %}", "user;assistant;user;"},
		{"the last of one", "{{ [messages[-1].role, 'a b'.split('x')[-1], messages[:1][-1].role] | join(',') }}", "user,a b,user"},
		{"beyond the end", "[{{ messages[3] }}{{ messages[-4] }}]", "[]"},
		{"strings as in Python", "{{ ' a b a '.strip() }}|{{ '  x '.lstrip() }}|{{ 'xay'.rstrip('ay') }}|{{ 'aaa'.replace('a', 'b') }}|{{ 'aaa'.replace('a', 'b', 1) }}|{{ 'a  b'.split() | length }}", "a b a|x |x|bbb|baa|2"},
		{"date", "{{ strftime_now('%d %b %Y, %H:%M %%') }}", "03 Feb 2026, 04:05 %"},
		{"fallback", Fallback, "User: Licht an\n\nAssistant: ok\n\nUser: <|end|> {{ 7 }}\n\nAssistant:"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, err := parse(t, tt.source).Render(conversation, true, map[string]any{"bos_token": "<s>"})
			if err != nil || got != tt.want {
				t.Fatalf("got %q, error %v; want %q", got, err, tt.want)
			}
		})
	}
}

func TestDeveloperIsTheSystemOfOldTemplates(t *testing.T) {
	t.Parallel()
	messages := []Message{{"developer", "be brief"}}
	for source, want := range map[string]string{
		"{{ messages[0].role }}": "system",
		"{% if messages[0].role == 'developer' %}{{ messages[0].role }}{% endif %}": "developer",
	} {
		if got, err := parse(t, source).Render(messages, false, nil); err != nil || got != want {
			t.Errorf("got %q, error %v; want %q", got, err, want)
		}
	}
}

func TestToJSONIsPythons(t *testing.T) {
	t.Parallel()
	const value = `{"b": [1, 2.5, true, null, {}], "a": "<é> \u2028 \\u2028 'x' \"y\"\n", "c": []}`
	const spread = "{\n  \"b\": [\n    1,\n    2.5,\n    true,\n    null,\n    {}\n  ],\n  \"a\": \"<é> \u2028 \\\\u2028 'x' \\\"y\\\"\\n\",\n  \"c\": []\n}"
	tests := []struct{ name, source, want string }{
		{"one line", "{{ v | tojson }}", `{"b": [1, 2.5, true, null, {}], "a": "<é> ` + "\u2028" + ` \\u2028 'x' \"y\"\n", "c": []}`},
		{"indented", "{{ v | tojson(indent=2) }}", spread},
		{"options of Hugging Face", "{{ v.c | tojson(ensure_ascii=False) }}", "[]"},
		{"a literal", "{{ {'z': 1, 'a': (2, 3)} | tojson }}", `{"z": 1, "a": [2, 3]}`},
		{"a message", "{{ messages[1] | tojson }}", `{"content": "ok", "role": "assistant"}`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, err := parse(t, tt.source).Render(conversation, false, map[string]any{"v": json.RawMessage(value)})
			if err != nil || got != tt.want {
				t.Fatalf("got %q, error %v; want %q", got, err, tt.want)
			}
		})
	}
}

func TestParseRejects(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, source, want string }{
		{"an open block", "{% if x %}", "parse chat template"},
		{"an unknown statement", "{% frobnicate %}", "frobnicate"},
		{"an include", "{% include '/etc/passwd' %}", "include"},
		{"an import", "{% import '/etc/passwd' as x %}", "import"},
		{"inheritance", "{% extends '/etc/passwd' %}", "extends"},
		{"a block", "{% block a %}{{ self.a() }}{% endblock %}", "block"},
		{"a recursive loop", "{% for m in messages recursive %}{{ loop(messages) }}{% endfor %}", "recursive"},
		{"deep brackets", "{{ " + strings.Repeat("(", 60_000) + "1" + strings.Repeat(")", 60_000) + " }}", "deeper than 200"},
		{"deep lists", "{{ " + strings.Repeat("[')', ", 15_000) + "1" + strings.Repeat("]", 15_000) + " }}", "deeper than 200"},
		{"an item that is set", "{% set messages[0] = 1 %}", "only names"},
		{"a huge source", strings.Repeat("x", maxSource+1), "bytes"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := Parse(tt.source)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Fatalf("error %v does not say %q", err, tt.want)
			}
		})
	}
}

func TestRenderRejects(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, source string
		messages     []Message
		want         string
	}{
		{"no messages", "x", nil, "no messages"},
		{"an unknown role", "x", []Message{{"user", "a"}, {"im_end", "b"}}, `message 1 has role "im_end"`},
		{"what the template refuses", "{{ raise_exception('no ' + 'way') }}", conversation, "no way"},
		{"an unknown filter", "{{ 1 | frobnicate }}", conversation, "frobnicate"},
		{"an unknown function", "{{ frobnicate() }}", conversation, "frobnicate"},
		{"a macro without an end", "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}", conversation, "deeper than 64"},
		{"a huge range", "{% for i in range(1000000000) %}{% endfor %}", conversation, "longer than 10000"},
		{"loops without an end", "{% for i in range(9999) %}{% for j in range(9999) %}{% set x = 1 %}{% endfor %}{% endfor %}", conversation, "takes longer"},
		{"a namespace within itself", "{% set ns = namespace() %}{% set ns.x = [{'a': ns}] %}{{ ns }}", conversation, "nests deeper than 100"},
		{"a namespace compared with itself", "{% set ns = namespace() %}{% set ns.x = ns %}{{ ns == ns }}", conversation, "nests deeper than 100"},
		{"a deep list", "{% set ns = namespace(x=1) %}{% for i in range(9999) %}{% set ns.x = [ns.x] %}{% endfor %}", conversation, "nests deeper than 100"},
		{"a list that doubles", "{% set ns = namespace(x=1) %}{% for i in range(60) %}{% set ns.x = [ns.x, ns.x] %}{% endfor %}{{ ns.x }}", conversation, "more than 1048576 values"},
		{"a message that is set", "{% set m = messages[0] %}{% set m.x = messages %}{{ m }}", conversation, "m is no namespace"},
		{"a dictionary that is changed", "{% set m = messages[0] %}{% do m.update(x=messages) %}{{ m }}", conversation, "update"},
		{"a list that is changed", "{% set l = [[1]] %}{% do l[0].append(l) %}{{ l }}", conversation, "append"},
		{"huge output", "{% for i in range(9999) %}{{ x }}{% endfor %}", conversation, "output exceeds"},
		{"a date that is not supported", "{{ strftime_now('%Q') }}", conversation, "%Q"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			tmpl := parse(t, tt.source)
			tmpl.limit = time.Hour // each case has a bound of its own to meet, however slow the machine
			if tt.want == "takes longer" {
				tmpl.limit = 50 * time.Millisecond
			}
			_, err := tmpl.Render(tt.messages, false, map[string]any{"x": strings.Repeat("x", 9999)})
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Fatalf("error %v does not say %q", err, tt.want)
			}
		})
	}
}

func TestRenderRejectsBrokenJSON(t *testing.T) {
	t.Parallel()
	for _, raw := range []string{"", "{", `{"a":1} 2`, strings.Repeat("[", 200)} {
		if _, err := parse(t, "x").Render(conversation, false, map[string]any{"tools": json.RawMessage(raw)}); err == nil {
			t.Errorf("no error for %q", raw)
		}
	}
}

func TestRenderIsSafeForConcurrentUse(t *testing.T) {
	t.Parallel()
	tmpl := parse(t, builtin)
	want, err := tmpl.Render(conversation, true, nil)
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 20 {
				if got, err := tmpl.Render(conversation, true, nil); err != nil || got != want {
					t.Errorf("got %q, error %v", got, err)
				}
			}
		})
	}
	wg.Wait()
}

// FuzzTemplate feeds templates, which come from files.
func FuzzTemplate(f *testing.F) {
	for _, seed := range []string{builtin, Fallback, "{{", "{% for x in y %}", "{{ [1][5] }}", "{{ 1/0 }}", "{{ messages['a'] }}", "{{ 'a' * -1 }}", "{{ ((((1)))) }}", "{% set ns = namespace() %}{% set ns.x = ns %}{{ ns }}"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, source string) {
		tmpl, err := Parse(source)
		if err != nil {
			return
		}
		_, _ = tmpl.Render(conversation, true, nil) // an error is fine, a panic is not
	})
}
