package grammar

import (
	"fmt"
)

// lattice lays out an object's members: a place for how many of the listed ones
// were passed by, and how many members came. Where that does not matter, only
// whether there was one.
type lattice struct {
	b       *builder
	o       *objects
	members []member
	others  expr // nil: there are none
	space   expr

	max    int // members; a negative one is no bound
	counts int // from which number of members on they are all the same
	graph  graph
	place  map[[2]int]int
}

// maxOptional bounds the properties in a row of which each may be left out: as
// many ways there are to read on after a comma.
const maxOptional = 400

// body is an object after its opening brace.
func (l *lattice) body() (expr, error) {
	if err := l.check(); err != nil {
		return nil, err
	}
	l.counts = 1
	l.max = l.o.max
	if l.others == nil && l.max >= len(l.members) {
		l.max = -1
	}
	if l.max >= 0 {
		l.counts = min(l.max+1, len(l.members)+maxPlaces)
	} else if l.o.min > 1 {
		l.counts = l.o.min
	}
	if (len(l.members)+1)*(l.counts+1) > maxPlaces {
		return nil, fmt.Errorf("grammar: schema: minProperties or maxProperties with so many properties is not supported")
	}
	l.place = map[[2]int]int{{0, 0}: 0}
	l.pairsAsRules()
	// Places are reached in order, so that those that cannot be reached get no
	// edges.
	for passed := range len(l.members) + 1 {
		for count := range l.counts + 1 {
			if at, ok := l.place[[2]int{passed, count}]; ok {
				l.from(at, passed, count)
			}
		}
	}
	return &l.graph, nil
}

// check refuses what cannot be counted or would be too much at once.
func (l *lattice) check() error {
	required, row := 0, 0
	for _, m := range l.members {
		row++
		if m.required {
			required++
			row = 0
		}
		if row > maxOptional {
			return errOptional
		}
	}
	// Other members may have the same name, so only one of them counts.
	if l.others != nil && l.o.min > required+1 {
		return l.o.counted.errorf("more than one property beyond the required ones is only supported where additionalProperties is false")
	}
	return nil
}

// pairsAsRules makes rules of the members if they would otherwise be copied much.
func (l *lattice) pairsAsRules() {
	copies, row := 0, 0
	for _, m := range l.members {
		row += len(m.name) + 4
		copies += row
		if m.required {
			row = 0
		}
	}
	if copies*l.counts < 4000 {
		return
	}
	for i := range l.members {
		l.b.rules = append(l.b.rules, rule{"member " + l.members[i].name, l.members[i].pair, true})
		l.members[i].pair = ref(len(l.b.rules) - 1)
	}
}

func (l *lattice) at(passed, count int) int {
	key := [2]int{passed, min(count, l.counts)}
	at, ok := l.place[key]
	if !ok {
		at = l.graph.place()
		l.place[key] = at
	}
	return at
}

// from adds what may come at a place.
func (l *lattice) from(at, passed, count int) {
	full := l.max >= 0 && count >= l.max
	if passed < len(l.members) {
		m := l.members[passed]
		if !full {
			l.graph.edge(at, l.at(passed+1, count+1), l.comma(count), m.pair)
		}
		if !m.required {
			l.graph.edge(at, l.at(passed+1, count))
		}
		return
	}
	if l.others != nil && !full {
		l.graph.edge(at, l.at(passed, count+1), l.comma(count), l.others)
	}
	if count >= l.o.min {
		l.graph.edge(at, 1, l.end(count), text("}"))
	}
}

func (l *lattice) comma(count int) expr {
	if count == 0 {
		return seq{}
	}
	return seq{text(","), l.space}
}

func (l *lattice) end(count int) expr {
	if count == 0 {
		return seq{}
	}
	return l.space
}
