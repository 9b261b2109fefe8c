package dataset

import (
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// expansions are the texts that many draws of a template give.
func expansions(t *testing.T, src, lang string, rules map[string]string, lists map[string]rawList) []string {
	t.Helper()
	b := &book{lang: lang, source: SourceOurs, rules: rules}
	root, err := parseTemplate(src, b.rule)
	if err != nil {
		t.Fatal(err)
	}
	compiled, err := b.compileLists(lists, b.rule)
	if err != nil {
		t.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(1, 2))
	s := sampler{lang: lang, rng: rng, words: words{t: &template{lists: compiled}, book: b, names: &names{book: b}, pick: rng.IntN}}
	seen := map[string]bool{}
	for range 400 {
		d, err := s.draw(root)
		if err != nil {
			t.Fatal(err)
		}
		seen[tidy(lang, d.text())] = true
	}
	return slices.Sorted(maps.Keys(seen))
}

func TestTemplates(t *testing.T) {
	t.Parallel()
	color := map[string]rawList{"color": {Values: []rawValue{{In: "red"}, {In: "(dark|deep) blue", Out: "blue"}}}}
	for _, c := range []struct {
		name, src, lang string
		rules           map[string]string
		lists           map[string]rawList
		want            []string
	}{
		{"plain", "lights on", English, nil, nil, []string{"lights on"}},
		{"alternatives", "(a|b|c d)", English, nil, nil, []string{"a", "b", "c d"}},
		{"optional inside a word", "light[s] on", English, nil, nil, []string{"light on", "lights on"}},
		{"optional alternatives", "turn off [all|the] lights", English, nil, nil, []string{"turn off all lights", "turn off lights", "turn off the lights"}},
		{"nested optional", "[the [whole]] house", English, nil, nil, []string{"house", "the house", "the whole house"}},
		{"permutation", "(pause;the tv)", English, nil, nil, []string{"pause the tv", "the tv pause"}},
		{"permutation with optional", "lights (on;[here])", English, nil, nil, []string{"lights here on", "lights on", "lights on here"}},
		{"alternatives of the whole", "a|b", English, nil, nil, []string{"a", "b"}},
		{"rule", "<say> it", English, map[string]string{"say": "(tell|<shout>)", "shout": "shout"}, nil, []string{"shout it", "tell it"}},
		{"list", "make it {color}", English, nil, color, []string{"make it dark blue", "make it deep blue", "make it red"}},
		{"no space in Chinese", "<set> 灯 [的] 亮度", Chinese, map[string]string{"set": "调"}, nil, []string{"调灯亮度", "调灯的亮度"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if got := expansions(t, c.src, c.lang, c.rules, c.lists); !slices.Equal(got, c.want) {
				t.Errorf("%s: %q, want %q", c.src, got, c.want)
			}
		})
	}
}

func TestTemplateErrors(t *testing.T) {
	t.Parallel()
	rules := map[string]string{"loop": "a <loop>"}
	rule := func(name string) (string, bool) { body, ok := rules[name]; return body, ok }
	for src, want := range map[string]string{
		"(a|b":         "not closed",
		"[a":           "not closed",
		"{list":        "not closed",
		"a) b":         "unexpected",
		"<missing>":    "no rule <missing>",
		"again <loop>": "deeper",
	} {
		if _, err := parseTemplate(src, rule); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", src, err, want)
		}
	}
}

func FuzzParseTemplate(f *testing.F) {
	for _, seed := range []string{"(a|b) [c]", "{x:y} <r>", "(a;b;[c])", "((", "]", "<", "{:}"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, src string) {
		rules := func(string) (string, bool) { return "r", true }
		if n, err := parseTemplate(src, rules); err == nil {
			n.withoutLatin()
		}
	})
}

func TestWithoutLatin(t *testing.T) {
	t.Parallel()
	for src, want := range map[string]bool{
		"播放(music|音乐)": true, "暂停[music]": true, "set {x}": false, "(set|调){x}": true, "": true,
	} {
		n, err := parseTemplate(src, nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, ok := n.withoutLatin(); ok != want {
			t.Errorf("%q: kept %v, want %v", src, ok, want)
		}
	}
}

func TestNumbers(t *testing.T) {
	t.Parallel()
	for n, want := range map[int][2]string{
		0: {"zero", "零"}, 7: {"seven", "七"}, 10: {"ten", "十"}, 15: {"fifteen", "十五"}, 20: {"twenty", "二十"},
		42: {"forty-two", "四十二"}, 100: {"one hundred", "一百"}, 105: {"one hundred five", "一百零五"},
		110: {"one hundred ten", "一百一十"}, 320: {"three hundred twenty", "三百二十"}, 999: {"nine hundred ninety-nine", "九百九十九"},
	} {
		if got := englishNumber(n); got != want[0] {
			t.Errorf("english %d: %q, want %q", n, got, want[0])
		}
		if got := chineseNumber(n); got != want[1] {
			t.Errorf("chinese %d: %q, want %q", n, got, want[1])
		}
	}
}
