package dataset

import (
	"math/rand/v2"
	"strings"
	"unicode"
	"unicode/utf8"
)

// noise turns a drawn sentence into what a person might type or say: polite
// words around it, casing, punctuation, a slip of the finger. The copied
// values follow every change, so that the answer always repeats the question.
func noise(rng *rand.Rand, lang string, d drawn) drawn {
	if lang == Chinese {
		return chineseNoise(rng, d)
	}
	return englishNoise(rng, d)
}

var (
	englishBefore = []string{"please", "can you", "could you", "would you", "can you please", "could you please", "hey", "hi",
		"ok", "i'd like you to", "i want you to", "go ahead and", "just", "now", "hey, could you", "would you mind to", "i need you to"}
	englishAfter = []string{"please", "for me", "now", "thanks", "thank you", "right now", "for me please", "would you", "quickly", "if you can"}
	englishEnds  = []string{".", "!", "?", " ...", "..", " !", ","}

	chineseBefore = []string{"请", "帮我", "麻烦", "请帮我", "麻烦你", "你好，", "给我", "可以", "快", "现在", "请你", "我想", "劳驾", "能帮我", "嗨，"}
	chineseAfter  = []string{"吧", "谢谢", "，谢谢", "一下", "啊", "哦", "好吗", "可以吗", "呗", "，快点", "行吗"}
	chineseEnds   = []string{"。", "！", "？", "?", ".", "!", "～", "，"}
)

// question reports whether a sentence already asks, so that polite words do
// not fit before it.
func question(text string) bool {
	first, _, _ := strings.Cut(strings.TrimSpace(strings.ToLower(text)), " ")
	switch first {
	case "is", "are", "what", "what's", "whats", "how", "which", "who", "where", "where's", "when", "why", "do", "did", "does", "it's", "can", "could":
		return true
	}
	return false
}

func englishNoise(rng *rand.Rand, d drawn) drawn {
	asks := question(d.text())
	if !asks && rng.IntN(6) == 0 {
		d.pieces = append([]piece{{text: pick(rng, englishBefore) + " "}}, d.pieces...)
	}
	if !asks && rng.IntN(8) == 0 {
		d.pieces = append(d.pieces, piece{text: " " + pick(rng, englishAfter)})
	}
	switch {
	case asks && rng.IntN(2) == 0:
		d.pieces = append(d.pieces, piece{text: "?"})
	case rng.IntN(6) == 0:
		d.pieces = append(d.pieces, piece{text: pick(rng, englishEnds)})
	}
	switch roll := rng.IntN(20); {
	case roll < 4:
		d.mapText(strings.ToLower)
	case roll < 8 && len(d.pieces) > 0:
		d.capitalize()
	case roll < 9 && rng.IntN(3) == 0:
		d.mapText(strings.ToUpper)
	case roll < 14:
		d.titleNames()
	}
	if rng.IntN(14) == 0 {
		d.typo(rng)
	}
	return d
}

func chineseNoise(rng *rand.Rand, d drawn) drawn {
	if rng.IntN(6) == 0 {
		d.pieces = append([]piece{{text: pick(rng, chineseBefore)}}, d.pieces...)
	}
	asks := strings.ContainsAny(d.text(), "吗呢几哪什多怎谁") || strings.Contains(d.text(), "有没有") || strings.Contains(d.text(), "是不是")
	if !asks && rng.IntN(9) == 0 {
		d.pieces = append(d.pieces, piece{text: pick(rng, chineseAfter)})
	}
	if rng.IntN(4) == 0 {
		d.pieces = append(d.pieces, piece{text: pick(rng, chineseEnds)})
	}
	return d
}

func pick(rng *rand.Rand, from []string) string { return from[rng.IntN(len(from))] }

// text is the sentence as it stands, with white space put in order.
func (d drawn) text() string {
	var b strings.Builder
	for _, p := range d.pieces {
		b.WriteString(p.text)
	}
	return strings.Join(strings.Fields(b.String()), " ")
}

func (d *drawn) mapText(f func(string) string) {
	for i := range d.pieces {
		d.pieces[i].text = f(d.pieces[i].text)
	}
}

// capitalize makes the first letter of the sentence large.
func (d *drawn) capitalize() {
	for i, p := range d.pieces {
		trimmed := strings.TrimLeft(p.text, " ")
		if trimmed == "" {
			continue
		}
		r, size := utf8.DecodeRuneInString(trimmed)
		d.pieces[i].text = p.text[:len(p.text)-len(trimmed)] + string(unicode.ToUpper(r)) + trimmed[size:]
		return
	}
}

// titleNames writes copied values like names: "Living Room".
func (d *drawn) titleNames() {
	for i, p := range d.pieces {
		if p.slot == "" {
			continue
		}
		letters := []rune(p.text)
		for k, r := range letters {
			if k == 0 && (i == 0 || !strings.HasSuffix(p.text, " ")) || k > 0 && letters[k-1] == ' ' {
				letters[k] = unicode.ToUpper(r)
			}
		}
		d.pieces[i].text = string(letters)
	}
}

// typo makes one slip in a word that is not copied: two letters swapped, one
// lost, or one doubled.
func (d *drawn) typo(rng *rand.Rand) {
	i := rng.IntN(len(d.pieces))
	p := d.pieces[i]
	letters := []rune(p.text)
	if p.slot != "" || len(letters) < 6 {
		return
	}
	k := 1 + rng.IntN(len(letters)-2)
	if !unicode.IsLetter(letters[k]) || !unicode.IsLetter(letters[k+1]) {
		return
	}
	switch rng.IntN(3) {
	case 0:
		letters[k], letters[k+1] = letters[k+1], letters[k]
	case 1:
		letters = append(letters[:k], letters[k+1:]...)
	case 2:
		letters = append(letters[:k+1], letters[k:]...)
	}
	d.pieces[i].text = string(letters)
}
