package tokenizer

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/dlclark/regexp2/v2"
)

const (
	gpt2Pattern    = `'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`
	contractions   = `'(?:[sSſtTmMdD]|[rR][eE]|[vV][eE]|[lL][lL])`
	wordsAndRest   = `|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}DIGITS| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`
	camelWords     = `[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+SUFFIX|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*SUFFIX|\p{N}DIGITS| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+`
	bloomPattern   = ` ?[^(\s|.,!?…。，、।۔،)]+`
	deepseekCased  = `\s?[A-Za-zµÀ-ÖØ-öø-ƺƼ-ƿǄ-ʓʕ-ʯͰ-ͳͶͷͻ-ͽͿΆΈ-ΊΌΎ-ΡΣ-ϵϷ-ҁҊ-ԯԱ-ՖႠ-ჅᎠ-Ᏽᏸ-ᏽᲐ-ᲺᲽ-Ჿᴀ-ᴫᵫ-ᵷᵹ-ᶚḀ-ἕἘ-Ἕἠ-ὅὈ-Ὅὐ-ὗὙὛὝ\u1f5f-\u1f7dᾀ-ᾴᾶ-ᾼ\u1fbeῂ-ῄῆ-ῌῐ-\u1fd3ῖ-\u1fdbῠ-Ῥῲ-ῴῶ-ῼℂℇℊ-ℓℕℙ-ℝℤ\u2126ℨ\u212a-ℭℯ-ℴℹℼ-ℿⅅ-ⅉⅎↃↄⰀ-ⱻⱾ-ⳤⳫ-ⳮⳲⳳꙀ-ꙭꚀ-ꚛꜢ-ꝯꝱ-ꞇꞋ-ꞎꭰ-ꮿﬀ-ﬆﬓ-ﬗＡ-Ｚａ-ｚ𐐀-𐑏𐒰-𐓓𐓘-𐓻𐲀-𐲲𐳀-𐳲𑢠-𑣟𞤀-𞥃]+`
	deepseekCJK    = `[一-龥ࠀ-一가-퟿]+`
	deepseek3Words = `[!"#$%&'()*+,\-./:;<=>?@\[\\\]^_` + "`" + `{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+`
)

// published are the patterns of each family's tokenizer.json, in the order in
// which they are applied.
var published = map[string][]string{
	"default":        {`[\p{P}\$\+<=>\^~\|]+`, gpt2Pattern, `\p{N}+`, `[0-9][0-9][0-9]`},
	"gpt-2":          {gpt2Pattern},
	"starcoder":      {`\p{N}`, gpt2Pattern},
	"falcon":         {"[\\p{P}\\$\\+<=>\\^~\\|`]+", gpt2Pattern, `[0-9][0-9][0-9]`},
	"llama-bpe":      {contractions + strings.ReplaceAll(wordsAndRest, "DIGITS", "{1,3}")},
	"qwen2":          {contractions + strings.ReplaceAll(wordsAndRest, "DIGITS", "")},
	"qwen35":         {contractions + `|[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+|\p{N}| ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`},
	"seed-coder":     {contractions + `|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1}| ?[^\s\p{L}\p{N}\r\n]+|\s*[\r\n]+|\s+(?!\S)|\s+`},
	"exaone-moe":     {contractions + `|[^\r\n\p{L}\p{N}]?(?:\p{L}\p{M}*(?: \p{L}\p{M}*)*)+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]?|\s*[\r\n]|\s+(?!\S)|\s+`},
	"ufakzeka":       {strings.TrimPrefix(strings.ReplaceAll(wordsAndRest, "DIGITS", ""), "|")},
	"minicpm5":       {`\p{N}{1,3}`, contractions + strings.ReplaceAll(wordsAndRest, "DIGITS", "+")},
	"laguna":         {`[^\n]+|[\n]+`, contractions + strings.ReplaceAll(wordsAndRest, "DIGITS", "")},
	"jais-2":         {contractions + `|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s{512}(?!\S)|\s{256}(?!\S)|\s{128}(?!\S)|\s{64}(?!\S)|\s{32}(?!\S)|\s{16}(?!\S)|\s{8}(?!\S)|\s{4}(?!\S)|\s{1,2}(?!\S)|\s{1}`},
	"tekken":         {strings.NewReplacer("DIGITS", "", "SUFFIX", "").Replace(camelWords)},
	"gpt-4o":         {gpt4oPattern},
	"kimi-k2":        {`\p{Han}+|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}-[\p{Han}]]*[\p{Ll}\p{Lm}\p{Lo}\p{M}-[\p{Han}]]+(?:` + contractions + `)?|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}-[\p{Han}]]+[\p{Ll}\p{Lm}\p{Lo}\p{M}-[\p{Han}]]*(?:` + contractions + `)?|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`},
	"youtu":          {`[가-힣ㄱ-ㆎ]+|[！…“”‘’—：；，、-〿︰-﹏]+|[ㄅ-ㄯ]+|[一-龥\u3040-ゟ゠-ヿ]+`, strings.NewReplacer("DIGITS", "", "SUFFIX", "(?:"+contractions+")?").Replace(camelWords)},
	"tiny_aya":       {`\d{1,3}(?=(?:\d{3})*(?![\p{L}\p{M}\p{Nd}\p{Nl}\p{Pc}Ⓐ-ⓩ🄰-🅉🅐-🅩🅰-🆉²³¹¼½¾]))`, gpt4oPattern},
	"superbpe":       {`\p{N}+`, `(?=(\d{3})+(?!\d))`},
	"bloom":          {bloomPattern},
	"viking":         {bloomPattern, `\p{N}`},
	"chameleon":      {`<sentinel:[0-9]+>`, `(IMGIMG)((A|B|C|D|E|F|G|H|I){1,4})Z`, `([\t\n]|    |  )`, `\p{N}`, "[\\p{P}!-/:-@\\[-`{-~]", gpt2Pattern},
	"deepseek-llm":   {`[\r\n]`, deepseekCased, `\s?[!-/:-~！-／：-～‘-‟　-。]+`, `\s+$`, deepseekCJK, `\p{N}+`},
	"deepseek-coder": {`[\r\n]`, `\s?\p{L}+`, `\s?\p{P}+`, deepseekCJK, `\p{N}`},
	"deepseek-v3":    {`\p{N}{1,3}`, `[一-龥\u3040-ゟ゠-ヿ]+`, deepseek3Words + `[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`},
	"spark2_5":       {`\p{N}{1,3}`, `[一-龥\u3040-ゟ゠-ヿ]+`, deepseek3Words + `|[\r\n]|\s+(?!\S)|\s+`, `\p{N}`},
	"afmoe":          {`\p{N}{1,3}(?=(?:\p{N}{3})*(?!\p{N}))`, `[一-鿿㐀-䶿豈-\ufaff\u3040-ゟ゠-ヿ･-ﾟ⼀-\u2fdfเ-\u0e7f\u0e80-\u0effក-\u17ffက-႟ꩠ-ꩿꧠ-\ua9ff가-\ud7afᄀ-ᇿ]+`, deepseek3Words + `[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`},
	"gemma4":         {`[^\n]+|[\n]+`},
}

var gpt4oPattern = strings.NewReplacer("DIGITS", "{1,3}", "SUFFIX", "(?:"+contractions+")?").Replace(camelWords)

// oracle splits by regular expressions: matches and the gaps between them.
func oracle(t *testing.T, patterns []*regexp2.Regexp, text string) []string {
	pieces := []string{text}
	for _, re := range patterns {
		var next []string
		for _, piece := range pieces {
			spans, err := re.FindAllStringIndex(piece, -1)
			if err != nil {
				t.Fatalf("oracle: %v", err)
			}
			at := 0
			for _, span := range spans {
				next = append(next, piece[at:span[0]], piece[span[0]:span[1]])
				at = span[1]
			}
			next = append(next, piece[at:])
		}
		pieces = slices.DeleteFunc(next, func(p string) bool { return p == "" })
	}
	return pieces
}

func pieces(split func(string, func(string)), text string) []string {
	var out []string
	split(text, func(p string) { out = append(out, p) })
	return out
}

// hard are the runes on which hand-written splitters go wrong: several kinds
// of space, case, mark, number, quote and script, and the ends of ranges.
var hard = []rune(" \n\r\t\v\u0085\u00a0\u2028\u3000\u200b\u0000  '''sStTrevmldLDſaAzZéÉßǅʰ\u0301\u093e中文あカ가ࠀ힣퟿ÐΩЖ\u2126\u212a١½Ⅷ0123456789!$+<=>^~|`\"#%&()*,-./:;?@[\\]_{}、。，（‘—€😀\u200d\ufe0f\ufffd")

// snippets are what single runes make too seldom.
var snippets = []string{
	"<sentinel:", "12>", "IMGIMG", "ABCZ", "'ll", "'RE", "12345", "1234567", "١٢٣٤", "camelCaseHTTPServer", "\r\n", "\n\n", "    ",
	strings.Repeat(" ", 100), strings.Repeat("\u3000 ", 300), "हिन्दी", "한국어", "ⅯⅯ½", "ⓐⒷ", "9_9", "a b c", "漢字かな", "々〇〆", "《》",
}

func randomText(r *rand.Rand, n int) string {
	var b strings.Builder
	for b.Len() < n {
		if r.IntN(10) == 0 {
			b.WriteString(snippets[r.IntN(len(snippets))])
			continue
		}
		c := hard[r.IntN(len(hard))]
		if r.IntN(12) == 0 {
			c = rune(r.IntN(0x30000))
		}
		for k := 1 + r.IntN(3)*r.IntN(2); k > 0; k-- {
			b.WriteRune(c)
		}
	}
	return b.String()
}

func TestSplittersMatchPublishedPatterns(t *testing.T) {
	t.Parallel()
	if len(published) != len(splitters) {
		t.Fatalf("%d patterns for %d splitters", len(published), len(splitters))
	}
	for name, sources := range published {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			split, err := SplitterFor(name)
			if err != nil {
				t.Fatal(err)
			}
			var patterns []*regexp2.Regexp
			for _, source := range sources {
				patterns = append(patterns, regexp2.MustCompile(source))
			}
			r := rand.New(rand.NewPCG(7, uint64(len(name))))
			for range 2000 {
				text := randomText(r, 1+r.IntN(24))
				got, want := pieces(split, text), oracle(t, patterns, text)
				if !slices.Equal(got, want) {
					t.Fatalf("%q:\n got %q\nwant %q", text, got, want)
				}
			}
		})
	}
}

func TestSplitterKeepsEveryByte(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(1, 2))
	for _, name := range Splitters() {
		split, err := SplitterFor(name)
		if err != nil {
			t.Fatal(err)
		}
		for range 200 {
			raw := make([]byte, r.IntN(40))
			for i := range raw {
				raw[i] = byte(r.Uint32())
			}
			if got := strings.Join(pieces(split, string(raw)), ""); got != string(raw) {
				t.Fatalf("%s: %q became %q", name, raw, got)
			}
		}
	}
}

func TestSplitterForUnknownNameListsTheSupported(t *testing.T) {
	t.Parallel()
	_, err := SplitterFor("klingon")
	if err == nil || !strings.Contains(err.Error(), `"klingon"`) || !strings.Contains(err.Error(), "qwen2") {
		t.Fatalf("error does not help: %v", err)
	}
}

func TestAliasesNameSplitters(t *testing.T) {
	t.Parallel()
	for alias, name := range aliases {
		if _, ok := splitters[name]; !ok {
			t.Errorf("alias %q names %q, which does not exist", alias, name)
		}
		if _, twice := splitters[alias]; twice {
			t.Errorf("%q is both a splitter and an alias", alias)
		}
	}
}
