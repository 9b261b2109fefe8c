package jinja

import (
	"runtime"
	"strings"
	"testing"
	"time"
)

// Each of these would take all memory, or no end, if it were let.
var explosive = []struct{ name, source, want string }{
	{"a text that doubles", `{% set ns = namespace(s='x') %}{% for i in range(1000) %}{% set ns.s = ns.s + ns.s %}{% endfor %}`, "a text exceeds"},
	{"a text that doubles with a tilde", `{% set ns = namespace(s='x') %}{% for i in range(1000) %}{% set ns.s = ns.s ~ ns.s %}{% endfor %}`, "a text exceeds"},
	{"many large texts", `{% for i in range(1000) %}{% set s = 'x' * 1000000 %}{% endfor %}`, "values take more"},
	{"a huge repetition", `{{ 'a' * 10**9 }}`, "a text exceeds"},
	{"a huge repetition of what came from outside", `{{ v * 10**9 }}`, "a text exceeds"},
	{"a huge repetition of a list", `{{ [1] * 10**9 }}`, "values take more"},
	{"a repetition of an empty text", `{% for i in range(9) %}{{ '' * 10**18 }}{% endfor %}ok`, ""},
	{"a huge power", `{{ 10 ** 10 ** 10 }}`, "too large"},
	{"a huge range", `{% for i in range(10**9) %}{% endfor %}`, "longer than"},
	{"the whole of the integers", `{% for i in range(-2**62, 2**62 + 2**61) %}{% endfor %}`, "longer than"},
	{"loops in loops", `{% for i in range(99999) %}{% for j in range(99999) %}{% for k in range(99999) %}{% endfor %}{% endfor %}{% endfor %}`, "more than"},
	{"loops that make lists", `{% set ns = namespace(l=[1]) %}{% for i in range(99999) %}{% set ns.l = ns.l + ns.l %}{% endfor %}`, "take more than"},
	{"a recursive macro", `{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}`, "deeper than"},
	{"two recursive macros", `{% macro f(x) %}{{ g(x + 1) }}{{ g(x + 1) }}{% endmacro %}{% macro g(x) %}{{ f(x) if x < 40 }}{{ f(x) if x < 40 }}{% endmacro %}{{ f(0) }}`, "more than"},
	{"a recursive loop", `{% for i in [[1]] recursive %}{{ loop([[1]]) }}{% endfor %}`, "deeper than"},
	{"a caller that calls itself", `{% macro f() %}{% call f() %}{{ caller() }}{% endcall %}{% endmacro %}{{ f() }}`, "deeper than"},
	{"a sum of many", "{{ 1" + strings.Repeat(" + 1", 20_000) + " }}", "deeper than"},
	{"many filters", "{{ 1" + strings.Repeat("|abs", 20_000) + " }}", "deeper than"},
	{"a namespace within itself", `{% set ns = namespace() %}{% set ns.x = ns %}{{ ns }}`, "nests deeper than"},
	{"a namespace within its list", `{% set ns = namespace() %}{% set ns.x = [{'a': ns}] %}{{ ns.x }}`, "nests deeper than"},
	{"a deep list", `{% set ns = namespace(x=1) %}{% for i in range(9999) %}{% set ns.x = [ns.x] %}{% endfor %}{{ ns.x }}`, "nests deeper than"},
	{"a deep list in JSON", `{% set ns = namespace(x=1) %}{% for i in range(9999) %}{% set ns.x = [ns.x] %}{% endfor %}{{ ns.x | tojson }}`, "nests deeper than"},
	{"deep lists compared", `{% set ns = namespace(x=1, y=1) %}{% for i in range(9999) %}{% set ns.x = [ns.x] %}{% set ns.y = [ns.y] %}{% endfor %}{{ ns.x == ns.y }}`, "nests deeper than"},
	{"deep tuples as a key", `{% set ns = namespace(x=1) %}{% for i in range(9999) %}{% set ns.x = (ns.x,) %}{% endfor %}{{ {ns.x: 1} }}`, "nests deeper than"},
	{"a list that is many", `{% set ns = namespace(x=1) %}{% for i in range(60) %}{% set ns.x = [ns.x, ns.x] %}{% endfor %}{{ ns.x }}`, "exceeds"},
	{"a list that is many in JSON", `{% set ns = namespace(x=1) %}{% for i in range(60) %}{% set ns.x = [ns.x, ns.x] %}{% endfor %}{{ ns.x | tojson }}`, "exceeds"},
	{"lists that are many compared", `{% set ns = namespace(x=1, y=1) %}{% for i in range(60) %}{% set ns.x = [ns.x, ns.x] %}{% set ns.y = [ns.y, ns.y] %}{% endfor %}{{ ns.x == ns.y }}`, "steps"},
	{"tuples that are many as a key", `{% set ns = namespace(x=1) %}{% for i in range(60) %}{% set ns.x = (ns.x, ns.x) %}{% endfor %}{{ {ns.x: 1} }}`, "more than"},
	{"a huge width", `{{ 'a'.center(10**12) }}`, "a text exceeds"},
	{"a huge ljust", `{{ 'a'.ljust(10**12) }}`, "a text exceeds"},
	{"a huge zfill", `{{ 'a'.zfill(10**12) }}`, "a text exceeds"},
	{"a huge format", `{{ '%1000000000d' % 1 }}`, "a text exceeds"},
	{"a huge precision", `{{ '%.1000000000f' % 1 }}`, ""},
	{"a huge format field", `{{ '{:1000000000}'.format(1) }}`, "a text exceeds"},
	{"a huge indent", `{{ 'a\nb' | indent(10**9) }}`, "a text exceeds"},
	{"a huge indent of many lines", `{{ ('a\n' * 10000) | indent(10000) }}`, "a text exceeds"},
	{"a huge indent in JSON", `{{ [1] | tojson(indent=10**9) }}`, "a text exceeds"},
	{"an indent in deep JSON", `{% set ns = namespace(x=1) %}{% for i in range(90) %}{% set ns.x = [ns.x, ns.x] %}{% endfor %}{{ ns.x | tojson(indent=1000000) }}`, "exceeds"},
	{"a huge join", `{{ range(100000) | join('x' * 1000000) }}`, "a text exceeds"},
	{"a huge join of a method", `{{ ('x' * 1000000).join('a' * 100000) }}`, "a text exceeds"},
	{"a huge replacement", `{{ ('a' * 1000000).replace('a', 'b' * 1000000) }}`, "a text exceeds"},
	{"a replacement between letters", `{{ ('a' * 1000000).replace('', 'b' * 1000000) }}`, "a text exceeds"},
	{"a huge batch", `{{ [1] | batch(10**9, 'x') | list }}`, "values take more"},
	{"a huge slice filter", `{{ [1] | slice(10**9) | list }}`, "values take more"},
	{"letters of a huge text", `{{ ('a' * 8000000) | list }}`, "values take more"},
	{"a huge text backwards", `{{ ('a' * 8000000)[::-1] }}`, "values take more"},
	{"a huge slice", `{{ 'abc'[-10**18:10**18:10**18] }}{{ [1, 2][10**18:-10**18:-1] }}`, ""},
	{"a huge split", `{{ ('a ' * 4000000).split() }}`, "more than"},
	{"many strips", `{% set s = 'a' * 1000000 %}{% for i in range(99999) %}{% set x = s.strip('b') %}{% endfor %}`, "steps"},
	{"a strip of many letters", `{% set s = 'ab' * 1000000 %}{{ s.strip(s) }}`, ""},
	{"many searches", `{% set s = 'a' * 1000000 %}{% for i in range(99999) %}{% if 'b' in s %}{% endif %}{% endfor %}`, "steps"},
	{"many comparisons", `{% set s = 'a' * 1000000 %}{% set q = 'a' * 1000000 %}{% for i in range(99999) %}{% if q == s %}{% endif %}{% endfor %}`, "steps"},
	{"many lengths", `{% set s = 'é' * 1000000 %}{% for i in range(99999) %}{% set x = s | length %}{% set y = s[5] %}{% endfor %}`, "steps"},
	{"many keys", `{% set s = 'a' * 1000000 %}{% set d = {s: 1} %}{% for i in range(99999) %}{% set x = d[s] %}{% endfor %}`, "steps"},
	{"huge output", `{% set s = 'a' * 1000000 %}{% for i in range(99999) %}{{ s }}{% endfor %}`, "a text exceeds"},
	{"a huge attribute path", `{{ [1] | map(attribute='a.' * 1000000) | list }}`, "has no attribute"},
	{"sorting by a huge key", `{{ (['a' * 1000000] * 1000) | sort }}`, "more than"},
	{"many arguments", `{{ dict(**dict(a=1)) }}{{ namespace }}{% macro f() %}{{ varargs | length }}{% endmacro %}{{ f(*range(99999)) }}`, ""},
	{"an escaped text that grows", `{% set ns = namespace(s='&' * 100) %}{% for i in range(1000) %}{% set ns.s = ns.s | forceescape | string %}{% set ns.s = '' ~ ns.s %}{% endfor %}`, "more than"},
}

// allowance is more than MaxMemory, for what is garbage by now.
const allowance = 3 * MaxMemory

func TestBounds(t *testing.T) {
	for _, e := range explosive {
		t.Run(e.name, func(t *testing.T) {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			begun := time.Now()
			_, err := render(e.source, []byte(`{"v": "abc"}`))
			took := time.Since(begun)
			runtime.ReadMemStats(&after)
			if (err == nil) != (e.want == "") || err != nil && !strings.Contains(err.Error(), e.want) {
				t.Errorf("error %v does not say %q", err, e.want)
			}
			if made := after.TotalAlloc - before.TotalAlloc; made > allowance+MaxSteps*64 {
				t.Errorf("%d MB were allocated", made>>20)
			}
			t.Logf("%v, %d MB: %v", took.Round(time.Millisecond), (after.TotalAlloc-before.TotalAlloc)>>20, err)
		})
	}
}

func TestTime(t *testing.T) {
	t.Parallel()
	tmpl, err := Parse(`{% for i in range(99999) %}{% for j in range(99999) %}{% endfor %}{% endfor %}`)
	if err != nil {
		t.Fatal(err)
	}
	_, err = tmpl.Render(NewDict(), Options{Limit: time.Millisecond})
	if err == nil || !strings.Contains(err.Error(), "longer than 1ms") {
		t.Errorf("error %v", err)
	}
}

func TestParseRejects(t *testing.T) {
	t.Parallel()
	for _, e := range []struct{ name, source, want string }{
		{"an open block", "\n{% if x %}", "line 2: a block does not end; endif"},
		{"an open tag", "{{ x", "a tag does not end"},
		{"an open string", "{{ 'x }}", "a string does not end"},
		{"an open comment", "{# x", "a comment does not end"},
		{"an open raw", "{% raw %}{{", "raw does not end"},
		{"a stray end", "{% endif %}", "unexpected"},
		{"an unknown statement", "{% frobnicate %}", "frobnicate"},
		{"an include", "{% include '/etc/passwd' %}", "include"},
		{"an import", "{% import '/etc/passwd' as x %}", "import"},
		{"inheritance", "{% extends '/etc/passwd' %}", "extends"},
		{"a block", "{% block a %}{% endblock %}", "block"},
		{"deep brackets", "{{ " + strings.Repeat("(", 60_000) + "1" + strings.Repeat(")", 60_000) + " }}", "deeper than 200"},
		{"deep lists", "{{ " + strings.Repeat("[')', ", 15_000) + "1" + strings.Repeat("]", 15_000) + " }}", "deeper than 200"},
		{"deep signs", "{{ " + strings.Repeat("-", 60_000) + "1 }}", "deeper than 200"},
		{"deep negations", "{{ " + strings.Repeat("not ", 30_000) + "1 }}", "deeper than 200"},
		{"deep conditions", "{{ " + strings.Repeat("1 if 1 else ", 9_000) + "1 }}", "deeper than 200"},
		{"deep blocks", strings.Repeat("{% if 1 %}", 12_000), "deeper than 200"},
		{"deep targets", "{% set " + strings.Repeat("(", 60_000) + "%}", "deeper than 200"},
		{"an item that is set", "{% set messages[0] = 1 %}", "only names"},
		{"a constant that is set", "{% set true = 1 %}", "can't assign"},
		{"a break outside a loop", "{% break %}", "outside a loop"},
		{"a wrong bracket", "{{ (1] }}", "without its partner"},
		{"a chain of tests", "{{ 1 is odd is even }}", "cannot be chained"},
		{"an odd character", "{{ 1 ? 2 }}", "unexpected character"},
		{"an escape without digits", `{{ "\xg" }}`, "escape"},
		{"a huge integer", "{{ 99999999999999999999 }}", "too large"},
		{"a huge source", strings.Repeat("x", MaxSource+1), "bytes"},
	} {
		t.Run(e.name, func(t *testing.T) {
			if _, err := Parse(e.source); err == nil || !strings.Contains(err.Error(), e.want) {
				t.Errorf("error %v does not say %q", err, e.want)
			}
		})
	}
}

func TestFromJSONRejects(t *testing.T) {
	t.Parallel()
	for _, raw := range []string{"", "{", `{"a":1} 2`, strings.Repeat("[", 200), strings.Repeat("9", 5000), "1e999"} {
		if v, err := FromJSON([]byte(raw)); err == nil {
			t.Errorf("%.20q is %v", raw, v)
		}
	}
}
