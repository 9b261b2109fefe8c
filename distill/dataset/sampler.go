package dataset

import (
	"fmt"
	"math/rand/v2"
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

// madeUp says how many of a hundred values of an open list are made up.
var madeUp = map[string]int{
	"name": 25, "area": 12, "floor": 5, "timer_name": 25, "search_query": 30, "message": 20, "zone": 15,
	"shopping_list_item": 25, "todo_list_item": 20,
}

// sampler draws sentences from templates.
type sampler struct {
	lang  string
	words lexicon
	made  phrases
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
	if n.text == "text" {
		d.pieces = append(d.pieces, piece{text: s.made.text(s.rng), slot: slot})
		return nil
	}
	if n.text == "pseudo" || copyTo == "" && s.rng.IntN(100) < madeUp[n.text] {
		d.pieces = append(d.pieces, piece{text: s.made.name(s.rng), slot: slot})
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
