package dataset

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

// Languages of the templates, as Home Assistant writes them.
const (
	English = "en"
	Chinese = "zh-cn"
)

// piece is a stretch of a drawn sentence. A piece with a slot is copied into
// the answer as it is spoken.
type piece struct {
	text string
	slot string
}

// drawn is a sentence before noise: its pieces and the slots whose value is
// not simply copied.
type drawn struct {
	pieces []piece
	slots  Slots
}

// lexicon finds the list for a {list} of a template.
type lexicon interface {
	// list returns nil when there is none. The kinds, most wanted first,
	// choose among names: "light", "sensor.temperature".
	list(name string, kinds []string) *list
}

// sampler draws sentences from templates.
type sampler struct {
	lang  string
	words lexicon
	kinds []string
	rng   *rand.Rand
}

// draw draws one sentence.
func (s *sampler) draw(n node) (drawn, error) {
	d := drawn{slots: Slots{}}
	if err := s.expand(n, &d, ""); err != nil {
		return drawn{}, err
	}
	return d, nil
}

// expand appends a random expansion of n to d. Inside a copied value, copyTo
// is its slot and inner slots are not kept.
func (s *sampler) expand(n node, d *drawn, copyTo string) error {
	switch n.kind {
	case kindText:
		d.pieces = append(d.pieces, piece{text: n.text, slot: copyTo})
	case kindSeq:
		for _, kid := range n.kids {
			if err := s.expand(kid, d, copyTo); err != nil {
				return err
			}
		}
	case kindAlt:
		return s.expand(n.kids[s.rng.IntN(len(n.kids))], d, copyTo)
	case kindPerm:
		for i, at := range s.rng.Perm(len(n.kids)) {
			if i > 0 {
				d.pieces = append(d.pieces, piece{text: " ", slot: copyTo})
			}
			if err := s.expand(n.kids[at], d, copyTo); err != nil {
				return err
			}
		}
	case kindList:
		return s.expandList(n, d, copyTo)
	}
	return nil
}

func (s *sampler) expandList(n node, d *drawn, copyTo string) error {
	slot := n.slot
	if copyTo != "" {
		slot = copyTo
	}
	if n.text == "pseudo" {
		d.pieces = append(d.pieces, piece{text: pseudoName(s.rng, s.lang), slot: slot})
		return nil
	}
	l := s.words.list(n.text, s.kinds)
	if l == nil || l.wildcard && len(l.values) == 0 {
		return fmt.Errorf("no words for the list {%s} of kind %v", n.text, s.kinds)
	}
	if l.rng != nil {
		spoken, out := l.rng.draw(s.rng, s.lang)
		d.pieces = append(d.pieces, piece{text: spoken, slot: copyTo})
		if copyTo == "" {
			d.slots[slot] = out
		}
		return nil
	}
	v := l.values[s.rng.IntN(len(l.values))]
	if v.out == nil || copyTo != "" {
		return s.expand(v.in, d, slot)
	}
	var inner drawn
	inner.slots = Slots{}
	if err := s.expand(v.in, &inner, ""); err != nil {
		return err
	}
	for _, p := range inner.pieces {
		d.pieces = append(d.pieces, piece{text: p.text})
	}
	d.slots[slot] = v.out
	return nil
}

var (
	englishSyllables = strings.Fields("ka zor bli ten mar vo qui sel dra fen lu pim tor xa ne gro shi wob cal ny rex jun tal ori " +
		"bex mun dil pra kel sto vin hap lox ard em ist ul on ik er")
	chineseSyllables = []rune("星云海明月安乐小大天飞龙虎宝贝青白金银木水火土山石花草风雪雷电春夏秋冬东南西北中上下左右新旧一二三四五六七八九甲乙丙丁" +
		"阿奇米诺卡洛林森晨曦思远佳华美丽静雅文武志强博瑞恒通达优品智能灵动易购")
)

// pseudoName makes up a name that no list has, so that the model learns to
// copy names instead of knowing them.
func pseudoName(rng *rand.Rand, lang string) string {
	var b strings.Builder
	if lang == Chinese {
		for range 2 + rng.IntN(3) {
			b.WriteRune(chineseSyllables[rng.IntN(len(chineseSyllables))])
		}
		return b.String()
	}
	for range 2 + rng.IntN(2) {
		b.WriteString(englishSyllables[rng.IntN(len(englishSyllables))])
	}
	if rng.IntN(6) == 0 {
		fmt.Fprintf(&b, " %d", 1+rng.IntN(20))
	}
	return b.String()
}
