package model

import "github.com/a472be26/cusp/infer/kernel"

// fuse joins steps that the CPU does faster at once, with the same results: the
// three of a feed-forward layer, of which nobody reads what is between them.
func fuse(steps []Step) []Step {
	var out []Step
	for len(steps) > 0 {
		if f := fusedFeed(steps); f != nil {
			out, steps = append(out, f), steps[3:]
			continue
		}
		out, steps = append(out, steps[0]), steps[1:]
	}
	return out
}

// feed is a Multiply, the Activate of its products, and the Multiply of that.
type feed struct {
	src      Buffer
	gate, up *kernel.Weights // up is nil where Activate has no Ups
	activate func(dst, gate, up []float32)
	last     *Multiply
}

// fusedFeed is the feed of the first three steps, nil if they are none.
func fusedFeed(steps []Step) *feed {
	if len(steps) < 3 {
		return nil
	}
	first, ok := steps[0].(*Multiply)
	middle, does := steps[1].(*Activate)
	last, ends := steps[2].(*Multiply)
	if !ok || !does || !ends || last.Src != middle.Dst || !all(first.Products, gatable) || !all(last.Products, integer) {
		return nil
	}
	f := &feed{src: first.Src, activate: middle.How.function(), last: last}
	switch p := first.Products; {
	case f.activate == nil || ReadFirst(steps[3:], middle.Dst) || middle.Ups != None && ReadFirst(steps[3:], middle.Ups):
		return nil
	case len(p) == 1 && middle.Ups == None && p[0].Dst == middle.Dst:
		f.gate = &p[0].Weight.Weights
	case len(p) == 2 && p[0].Dst == middle.Dst && p[1].Dst == middle.Ups:
		f.gate, f.up = &p[0].Weight.Weights, &p[1].Weight.Weights
	default:
		return nil
	}
	return f
}

func all(products []Product, is func(Product) bool) bool {
	for _, q := range products {
		if !is(q) {
			return false
		}
	}
	return true
}

// integer: the product is one of int8.
func integer(q Product) bool { return kernel.Quantized(q.Weight.Kind) }

// gatable: kernel.MatMulGated can have the product.
func gatable(q Product) bool { return integer(q) && q.Weight.Bias == nil && q.Weight.Rows%32 == 0 }

func (f *feed) run(p *pass) {
	if p.n == 0 {
		return
	}
	x, middle := p.buffers[f.src], &p.buffers[f.last.Src].inputs
	x.inputs.Set(x.flat, p.n, x.width)
	kernel.MatMulGated(p.pool, middle, &x.inputs, f.gate, f.up, f.activate)
	f.last.times(p, middle)
}
