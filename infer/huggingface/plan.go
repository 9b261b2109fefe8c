package huggingface

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/a472be26/cusp/infer/gguf"
	"github.com/a472be26/cusp/infer/safetensors"
)

// rule says what becomes of a tensor of a checkpoint.
type rule struct {
	to     string // its name in GGUF, * for the number of the layer; "": it is not needed
	layout layout // nil: its bytes stay as they are
}

// layout puts a tensor into the plan under the name to, in the order that GGUF
// has.
type layout func(p *plan, to string, t tensor) error

// names are the tensors of a family. A key is the tensor's name, with * for the
// number of the layer and for that of the expert, and without the ".weight" or
// ".bias" that the name in GGUF has too.
type names map[string]rule

// join merges tables; later ones win.
func join(tables ...names) names {
	all := names{}
	for _, t := range tables {
		maps.Copy(all, t)
	}
	return all
}

// plan collects what the GGUF file will have.
type plan struct {
	arch   string
	config object
	dir    string
	meta   []gguf.KV
	seen   map[string]int // of the keys in meta

	layers, heads, kvHeads, experts int
	offset                          int    // first rows of the positions that are never used
	required                        string // a tensor whose absence would mean something else

	weights []weight
	taken   map[string]string   // GGUF name to the name it comes from
	stacks  map[string][]tensor // by GGUF name and number of the expert
	order   []string            // of the stacks
}

func newPlan(arch string, config object, dir string) *plan {
	return &plan{arch: arch, config: config, dir: dir, seen: map[string]int{}, taken: map[string]string{}, stacks: map[string][]tensor{}}
}

// general sets a key; a second value replaces the first.
func (p *plan) general(key string, value any) {
	if i, ok := p.seen[key]; ok {
		p.meta[i].Value = value
		return
	}
	p.seen[key] = len(p.meta)
	p.meta = append(p.meta, gguf.KV{Key: key, Value: value})
}

// set sets a key of the architecture.
func (p *plan) set(key string, value any) { p.general(p.arch+"."+key, value) }

// has reports whether a key was set.
func (p *plan) has(key string) bool {
	_, ok := p.seen[key]
	return ok
}

func (p *plan) count(key string, n int) { p.set(key, uint32(n)) }

func (p *plan) float(key string, x float64) { p.set(key, float32(x)) }

// add puts a weight into the plan.
func (p *plan) add(w weight, from string) error {
	if other, ok := p.taken[w.Name]; ok {
		return fmt.Errorf("tensors %q and %q are both %q", other, from, w.Name)
	}
	p.taken[w.Name] = from
	p.weights = append(p.weights, w)
	return nil
}

// take applies the rules to one tensor.
func (p *plan) take(rules names, from safetensors.Tensor) error {
	r, layer, expert, suffix, ok := rules.find(from.Name)
	switch {
	case !ok:
		return fmt.Errorf("tensor %q has no place in this architecture: the folder holds a variant that is not supported", from.Name)
	case layer >= p.layers:
		return fmt.Errorf("tensor %q is of layer %d, but %s has %d layers", from.Name, layer, p.config.where, p.layers)
	case r.to == "":
		return nil
	}
	t, err := newTensor(from)
	if err != nil {
		return err
	}
	to := strings.Replace(r.to, "*", strconv.Itoa(layer), 1) + suffix
	if expert >= 0 {
		return p.stack(to, expert, t)
	}
	if r.layout == nil {
		return p.add(keep(to, t), t.name)
	}
	return r.layout(p, to, t)
}

// find looks a name up; layer and expert are -1 where it has none.
func (n names) find(name string) (r rule, layer, expert int, suffix string, ok bool) {
	pattern, layer, expert := numbersOut(name)
	if r, ok = n[pattern]; ok {
		return r, layer, expert, "", true
	}
	for _, suffix := range []string{".weight", ".bias"} {
		if base, cut := strings.CutSuffix(pattern, suffix); cut {
			r, ok = n[base]
			return r, layer, expert, suffix, ok
		}
	}
	return rule{}, layer, expert, "", false
}

// numbersOut replaces the first number of a dotted name, which is that of the
// layer, and the number behind "experts".
func numbersOut(name string) (pattern string, layer, expert int) {
	layer, expert = -1, -1
	parts := strings.Split(name, ".")
	for i, part := range parts {
		n, err := strconv.ParseUint(part, 10, 31)
		switch {
		case err != nil:
			continue
		case layer < 0:
			layer = int(n)
		case parts[i-1] == "experts":
			expert = int(n)
		default:
			continue
		}
		parts[i] = "*"
	}
	return strings.Join(parts, "."), layer, expert
}

// stack remembers one expert's tensor until all are there.
func (p *plan) stack(to string, expert int, t tensor) error {
	if expert >= p.experts {
		return fmt.Errorf("tensor %q is of expert %d, but %s has %d experts", t.name, expert, p.config.where, p.experts)
	}
	all, ok := p.stacks[to]
	if !ok {
		if p.experts > maxExperts {
			return fmt.Errorf("%s has %d experts: at most %d are supported", p.config.where, p.experts, maxExperts)
		}
		all = make([]tensor, p.experts)
		p.stacks[to] = all
		p.order = append(p.order, to)
	}
	if all[expert].data != nil {
		return fmt.Errorf("tensors %q and %q are both %q", all[expert].name, t.name, to)
	}
	all[expert] = t
	return nil
}

// maxExperts bounds what one tensor's name can make us allocate.
const maxExperts = 4096

// finish adds the stacks.
func (p *plan) finish() error {
	if _, ok := p.taken[p.required]; !ok && p.required != "" {
		return fmt.Errorf("no tensor for %q", p.required)
	}
	for _, to := range p.order {
		all := p.stacks[to]
		if i := slices.IndexFunc(all, func(t tensor) bool { return t.data == nil }); i >= 0 {
			return fmt.Errorf("tensor %q: expert %d of %d is missing", to, i, len(all))
		}
		w, err := stacked(to, all)
		if err != nil {
			return err
		}
		if err := p.add(w, to); err != nil {
			return err
		}
	}
	return nil
}

// The layouts that tables of names refer to.

func ordered(order func(tensor, int) (func(int) int, error), heads func(*plan) int) layout {
	return func(p *plan, to string, t tensor) error {
		from, err := order(t, heads(p))
		if err != nil {
			return err
		}
		return p.add(gathered(to, t, from), t.name)
	}
}

var (
	queryPairs = ordered(pairs, func(p *plan) int { return p.heads })
	keyPairs   = ordered(pairs, func(p *plan) int { return p.kvHeads })
	headsApart = ordered(unfused, func(p *plan) int { return p.heads })
)

func addOne(p *plan, to string, t tensor) error {
	w, err := plusOne(to, t)
	if err != nil {
		return err
	}
	return p.add(w, t.name)
}

// conv1D is for the layers that transformers calls Conv1D: a matrix with rows
// and columns exchanged; the bias is an ordinary one.
func conv1D(p *plan, to string, t tensor) error {
	if len(t.dims) == 1 {
		return p.add(keep(to, t), t.name)
	}
	w, err := transposed(to, t)
	if err != nil {
		return err
	}
	return p.add(w, t.name)
}

// gateAndUp parts the experts' matrices of which the first half of the rows
// gates the second.
func gateAndUp(p *plan, to string, t tensor) error {
	if len(t.dims) != 3 || t.dims[1]%2 != 0 {
		return fmt.Errorf("tensor %q of dimensions %v is not two matrices for each expert", t.name, t.dims)
	}
	half := t.dims[1] / 2
	for i, name := range []string{"ffn_gate_exps", "ffn_up_exps"} {
		part := t
		part.dims = []int{t.dims[0], half, t.dims[2]}
		part.data = t.data[:len(t.data)/2] // says the size; gathered reads all
		if err := p.add(halves(to+"."+name+".weight", t, part, i), t.name); err != nil {
			return err
		}
	}
	return nil
}
