package jinja

import (
	"strings"
	"testing"
)

// marked returns a text with brackets around what came from outside.
func marked(t *Text) string {
	var b strings.Builder
	for piece, outside := range t.Pieces() {
		if outside {
			piece = "⟦" + piece + "⟧"
		}
		b.WriteString(piece)
	}
	return b.String()
}

// Whatever is done with a text, it is known what of it came from outside.
func TestOrigin(t *testing.T) {
	t.Parallel()
	v, err := FromJSON([]byte(`{"v": "ab é c", "k": {"x<": ["y", 1, null]}, "n": 12, "l": ["b", "a"], "lines": "p\nq"}`))
	if err != nil {
		t.Fatal(err)
	}
	vars := v.(*Dict)
	vars.Put("own", Own("<s>"))
	for _, c := range []struct{ source, want string }{
		{"<|{{ v }}|>", "<|⟦ab é c⟧|>"},
		{"{{ '<|' + v + '|>' }}", "<|⟦ab é c⟧|>"},
		{"{{ '<|' ~ v ~ '|>' ~ n ~ own }}", "<|⟦ab é c⟧|>12<s>"},
		{"{{ ('<' + v + '>')[1:3] }}", "⟦ab⟧"},
		{"{{ ('<' + v + '>')[::-1] }}", ">⟦c é ba⟧<"},
		{"{{ ('<' + v + '>')[0] }}{{ ('<' + v)[1] }}", "<⟦a⟧"},
		{"{{ ('<' + v + '>').split(' ') | join('|') }}", "<⟦ab⟧|⟦é⟧|⟦c⟧>"},
		{"{{ ('  ' + v + ' ').strip() | upper }}", "⟦AB É C⟧"},
		{"{{ ('x' + v).replace('a', '[') }}", "x[⟦b é c⟧"},
		{"{{ 'x-y'.replace('-', v) }}", "x⟦ab é c⟧y"},
		{"{{ k | tojson }}", `{"⟦x<⟧": ["⟦y⟧", 1, null]}`},
		{"{{ k }}", `{'⟦x<⟧': ['⟦y⟧', 1, None]}`},
		{"{% for key in k %}{{ key }}{% endfor %}", "⟦x<⟧"},
		{"{{ '%s|%s' % (v, 'z') }}", "⟦ab é c⟧|z"},
		{"{{ '{}|{}'.format(v, 'z') }}", "⟦ab é c⟧|z"},
		{"{{ v.format(1) }}", "⟦ab é c⟧"},
		{"{% set x %}<{{ v }}>{% endset %}{{ x }}", "<⟦ab é c⟧>"},
		{"{% macro f(a) %}<{{ a }}>{% endmacro %}{{ f(v) }}", "<⟦ab é c⟧>"},
		{"{% filter title %}a {{ v }}{% endfilter %}", "A ⟦Ab É C⟧"},
		{"{{ ('<' + v) | indent(first=true) }}{{ lines | indent }}", "    <⟦ab é cp⟧\n    ⟦q⟧"},
		{"{{ l | sort | join('<') }}", "⟦a⟧<⟦b⟧"},
		{"{{ (v ~ '<') | safe + '<' }}", "⟦ab é c⟧<&lt;"},
		{"{{ ('<' ~ v) | escape }}", "&lt;⟦ab é c⟧"},
		{"{{ v | truncate(5, true, '<', 0) }}", "⟦ab é⟧<"},
		{"{{ v | list | join }}{{ v | first }}{{ v | last }}", "⟦ab é cac⟧"},
		{"{{ 2 * v[:2] }}{{ v[:1] * 2 }}", "⟦ababaa⟧"},
		{"{{ v.center(10, '.') }}", "..⟦ab é c⟧.."},
		{"{{ v.partition(' ') | join('|') }}", "⟦ab⟧|⟦ ⟧|⟦é c⟧"},
		{"{{ namespace(x=v).x ~ {'a': v}.a ~ [v][0] }}", "⟦ab é cab é cab é c⟧"},
		{"{{ '{\"a\": 1}' | from_json | tojson }}", `{"⟦a⟧": 1}`},
	} {
		tmpl, err := Parse(c.source)
		if err != nil {
			t.Fatal(err)
		}
		got, err := tmpl.Render(vars, Options{})
		if err != nil || marked(got) != c.want {
			t.Errorf("%s:\n got %s, error %v\nwant %s", c.source, marked(got), err, c.want)
		}
	}
}

func TestJSONIsPythons(t *testing.T) {
	t.Parallel()
	const vars = `{"v": {"b": [1, 2.0, true, null, {}, 123456789012345678901234567890, 1e100], "a": "<é> \u2028 \\u2028 'x' \"y\"\n\u0001", "c": []}}`
	for source, want := range map[string]string{
		"{{ v | tojson }}":                        `{"b": [1, 2.0, true, null, {}, 123456789012345678901234567890, 1e+100], "a": "<é> ` + "\u2028" + ` \\u2028 'x' \"y\"\n\u0001", "c": []}`,
		"{{ v.c | tojson(indent=2) }}":            "[]",
		"{{ {'z': 1, 'a': (2,)} | tojson(2) }}":   "{\n  \"z\": 1,\n  \"a\": [\n    2\n  ]\n}",
		"{{ {1: 2, none: 3, true: 4} | tojson }}": `{"1": 4, "null": 3}`,
	} {
		if got, err := render(source, []byte(vars)); err != nil || got != want {
			t.Errorf("%s:\n got %s, error %v\nwant %s", source, got, err, want)
		}
	}
	for _, source := range []string{"{{ x | tojson }}", "{{ [1] | map('string') | tojson }}", "{{ namespace() | tojson }}", "{{ {(1,): 2} | tojson }}", "{{ v.keys() | tojson }}"} {
		if got, err := render(source, []byte(vars)); err == nil {
			t.Errorf("%s = %q, want an error", source, got)
		}
	}
}

// FuzzTemplate renders any template: an error is fine, a panic, a broken text
// or an endless run is not.
func FuzzTemplate(f *testing.F) {
	all := loadPython(f)
	for i, c := range all.Cases {
		if i%10 == 0 {
			f.Add(*c[0])
		}
	}
	for i, e := range explosive {
		if i%8 == 0 {
			f.Add(e.source)
		}
	}
	for _, seed := range []string{"{{", "{%", "{#", "{{ 1/0 }}", "{{ messages['a'] }}", "{%- raw -%}{% endraw", "{{ 'a' * -1 }}", "{{ -1 // -1 % 1 ** 1 }}", "\r\n{{- 1 -}}\r", "{{ '\\u12' }}"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, source string) {
		tmpl, err := Parse(source)
		if err != nil {
			return
		}
		v, err := FromJSON(all.Vars)
		if err != nil {
			t.Fatal(err)
		}
		out, err := tmpl.Render(v.(*Dict), Options{})
		if err != nil {
			if strings.Contains(err.Error(), "the template engine failed") {
				t.Fatal(err)
			}
			return
		}
		at := 0
		for piece := range out.Pieces() {
			if piece == "" || !strings.HasPrefix(out.String()[at:], piece) || strings.ToValidUTF8(piece, "") != piece {
				t.Fatalf("piece %q at %d of %q", piece, at, out)
			}
			at += len(piece)
		}
		if at != len(out.String()) {
			t.Fatalf("pieces have %d bytes, the text %d", at, len(out.String()))
		}
	})
}
