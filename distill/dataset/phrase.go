package dataset

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Made-up names teach a model to copy a name instead of knowing it. They must
// be varied: from a short list it would learn the list.
var (
	englishSyllables = strings.Fields("ka zor bli ten mar vo qui sel dra fen lu pim tor xa ne gro shi wob cal ny rex jun tal ori " +
		"bex mun dil pra kel sto vin hap lox ard em ist ul on ik er ash bo chi dov eth fu gim hos ig jal kri lem mo nif op pex rud " +
		"sna tru umb vel wyn yor zed ack bri cru dap fli gan hux jor kos lin mip nor ped ras sim tev vax wil")
	englishLetters = []rune("aaabcdeeefghiiijklmnooopqrstuuvwxyz")
)

// phrases makes up names for one language.
type phrases struct {
	lang  string
	words []string // whole words; single characters in Chinese
}

// name is a made-up name of one to four words or characters.
func (p phrases) name(rng *rand.Rand) string {
	if p.lang == Chinese {
		return p.chinese(rng)
	}
	parts := make([]string, 1+rng.IntN(5)/2)
	for i := range parts {
		parts[i] = p.englishWord(rng)
	}
	if rng.IntN(8) == 0 {
		parts = append(parts, fmt.Sprint(1+rng.IntN(20)))
	}
	return strings.Join(parts, " ")
}

// text is a made-up text of three to ten words, or as much in Chinese: long
// texts to copy teach copying fastest.
func (p phrases) text(rng *rand.Rand) string {
	parts := make([]string, 2+rng.IntN(4))
	for i := range parts {
		parts[i] = p.name(rng)
	}
	if p.lang == Chinese {
		return strings.Join(parts, "")
	}
	return strings.Join(parts, " ")
}

func (p phrases) englishWord(rng *rand.Rand) string {
	roll := rng.IntN(10)
	if roll < 5 && len(p.words) > 0 {
		return pick(rng, p.words)
	}
	var b strings.Builder
	if roll == 9 {
		for range 2 + rng.IntN(6) {
			b.WriteRune(englishLetters[rng.IntN(len(englishLetters))])
		}
		return b.String()
	}
	for range 1 + rng.IntN(3) {
		b.WriteString(pick(rng, englishSyllables))
	}
	return b.String()
}

func (p phrases) chinese(rng *rand.Rand) string {
	var b strings.Builder
	for range 2 + rng.IntN(3) {
		b.WriteString(pick(rng, p.words))
	}
	if rng.IntN(10) == 0 {
		fmt.Fprint(&b, 1+rng.IntN(9))
	}
	return b.String()
}

// newPhrases takes its words from texts: English words of three letters and
// more, Chinese characters one by one.
func newPhrases(lang string, texts []string) phrases {
	known := map[string]bool{}
	for _, text := range texts {
		if lang == Chinese {
			for _, r := range text {
				if unicode.Is(unicode.Han, r) {
					known[string(r)] = true
				}
			}
			continue
		}
		for word := range strings.FieldsFuncSeq(strings.ToLower(text), func(r rune) bool { return r < 'a' || r > 'z' }) {
			if utf8.RuneCountInString(word) > 2 {
				known[word] = true
			}
		}
	}
	words := make([]string, 0, len(known))
	for w := range known {
		words = append(words, w)
	}
	slices.Sort(words)
	return phrases{lang: lang, words: words}
}
