package gguf

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/a472be26/cusp/infer/quant"
)

// Types counts the tensors of each type, those of the most bytes first: "38 Q8_0,
// 19 F32".
func (f *File) Types() string {
	tensors, bytes := map[quant.Type]int{}, map[quant.Type]int{}
	for _, t := range f.Tensors() {
		tensors[t.Type]++
		bytes[t.Type] += len(t.Data)
	}
	types := slices.Sorted(maps.Keys(tensors))
	slices.SortStableFunc(types, func(a, b quant.Type) int { return cmp.Compare(bytes[b], bytes[a]) })
	var counts []string
	for _, t := range types {
		counts = append(counts, fmt.Sprintf("%d %s", tensors[t], t))
	}
	return strings.Join(counts, ", ")
}
