package sensor

import (
	"fmt"
	"slices"
)

// Arrange puts groups of sensors together, the most trusted one first: power that
// a later group measures does not count beside it, since it would be counted twice.
// Names become unique.
func Arrange(groups ...[]Part) (all []Part) {
	measured := false
	for _, group := range groups {
		here := false
		for _, p := range group {
			here = here || p.Gives == Draw && p.Counts
			p.Counts = p.Counts && !(p.Gives == Draw && measured)
			p.Name = unused(p.Name, all)
			all = append(all, p)
		}
		measured = measured || here
	}
	return all
}

// unused is name, or name with a number.
func unused(name string, all []Part) string {
	taken := func(n string) bool { return slices.ContainsFunc(all, func(p Part) bool { return p.Name == n }) }
	free := name
	for n := 2; taken(free); n++ {
		free = fmt.Sprintf("%s.%d", name, n)
	}
	return free
}

// Choose makes of the parts of a kind the named ones count, and no others; nothing
// changes without names. It returns the names that no such part has.
func Choose(parts []Part, kind Kind, names []string) (unknown []string) {
	if len(names) == 0 {
		return nil
	}
	unknown = slices.Clone(names)
	for i := range parts {
		if p := &parts[i]; p.Gives == kind {
			p.Counts = slices.Contains(names, p.Name)
			unknown = slices.DeleteFunc(unknown, func(n string) bool { return n == p.Name })
		}
	}
	return unknown
}
