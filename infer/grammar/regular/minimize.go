package regular

import (
	"encoding/binary"
)

// minimizeWork bounds the states looked at while equal ones are searched: an
// automaton that takes longer stays as it is. Long chains do, and have little
// that is equal.
const minimizeWork = 1 << 18

// Minimize drops the states from which nothing can be accepted and puts those
// together that accept the same.
func (d DFA) Minimize() DFA {
	d = d.trim()
	if len(d) == 0 {
		return d
	}
	class, count := make([]int, len(d)), 1
	for work := 0; ; work += len(d) {
		next, n := d.refine(class)
		if n == count && work > 0 {
			return d.merge(class, count)
		}
		if class, count = next, n; n == len(d) || work > minimizeWork {
			return d
		}
	}
}

// refine gives states different classes that differ in acceptance or in the
// classes that their edges lead to.
func (d DFA) refine(class []int) (next []int, count int) {
	next = make([]int, len(d))
	seen := make(map[string]int, len(d))
	var key []byte
	for i, s := range d {
		key = binary.AppendUvarint(key[:0], uint64(class[i]))
		if s.Accept {
			key = append(key, 1)
		} else {
			key = append(key, 0)
		}
		for _, e := range s.joined(class) {
			key = binary.AppendUvarint(key, uint64(e.Lo))
			key = binary.AppendUvarint(key, uint64(e.Hi))
			key = binary.AppendUvarint(key, uint64(e.To))
		}
		c, known := seen[string(key)]
		if !known {
			c = len(seen)
			seen[string(key)] = c
		}
		next[i] = c
	}
	return next, len(seen)
}

// joined are the edges with classes for states, neighbours to the same class put
// together.
func (s State) joined(class []int) []Edge {
	edges := make([]Edge, 0, len(s.Edges))
	for _, e := range s.Edges {
		e.To = class[e.To]
		if last := len(edges) - 1; last >= 0 && edges[last].Hi+1 == e.Lo && edges[last].To == e.To {
			edges[last].Hi = e.Hi
		} else {
			edges = append(edges, e)
		}
	}
	return edges
}

func (d DFA) merge(class []int, count int) DFA {
	// The start state comes first, so its class is 0.
	out := make(DFA, count)
	for i := len(d) - 1; i >= 0; i-- {
		out[class[i]] = State{d[i].Accept, d[i].joined(class)}
	}
	return out
}

// trim drops the states that no string passes on its way to being accepted.
func (d DFA) trim() DFA {
	back := make([][]int, len(d))
	var queue []int
	useful := make([]bool, len(d))
	for i, s := range d {
		for _, e := range s.Edges {
			back[e.To] = append(back[e.To], i)
		}
		if s.Accept {
			useful[i] = true
			queue = append(queue, i)
		}
	}
	for len(queue) > 0 {
		i := queue[len(queue)-1]
		queue = queue[:len(queue)-1]
		for _, j := range back[i] {
			if !useful[j] {
				useful[j] = true
				queue = append(queue, j)
			}
		}
	}
	if len(d) == 0 || !useful[0] {
		return nil
	}
	return d.keep(useful)
}

func (d DFA) keep(useful []bool) DFA {
	number := make([]int, len(d))
	var out DFA
	for i, s := range d {
		if useful[i] {
			number[i] = len(out)
			out = append(out, State{Accept: s.Accept})
		}
	}
	for i, s := range d {
		for _, e := range s.Edges {
			if useful[i] && useful[e.To] {
				kept := &out[number[i]].Edges
				*kept = append(*kept, Edge{e.Range, number[e.To]})
			}
		}
	}
	return out
}
