package assistant

import (
	"math"
	"slices"
	"strings"
	"sync"

	"github.com/a472be26/cusp/infer/grammar"
	"github.com/a472be26/cusp/infer/sample"
	"github.com/a472be26/cusp/infer/tokenizer"
)

// constraints are the grammars in use on a model's vocabulary. Safe for
// concurrent use.
type constraints struct {
	mu         sync.Mutex // guards the fields below
	vocabulary *grammar.Vocabulary
	machines   []namedMachine // the one used last comes first
}

type namedMachine struct {
	name string
	*grammar.Machine
}

// maxMachines is how many grammars are remembered, each with a cache of masks.
const maxMachines = 4

// Constrain prepares the grammar of that name for [Options].Grammar, which make
// makes if it is not known from lately.
func (a *Assistant) Constrain(name string, make func() (*grammar.Grammar, error)) (*grammar.Machine, error) {
	if err := a.enter(); err != nil {
		return nil, err
	}
	defer a.running.Done()
	c := &a.constraints
	c.mu.Lock()
	defer c.mu.Unlock()
	if i := slices.IndexFunc(c.machines, func(m namedMachine) bool { return m.name == name }); i >= 0 {
		m := c.machines[i]
		c.machines = slices.Insert(slices.Delete(c.machines, i, i+1), 0, m)
		return m.Machine, nil
	}
	g, err := make()
	if err != nil {
		return nil, err
	}
	if c.vocabulary == nil {
		c.vocabulary = grammar.NewVocabulary(a.texts(), a.tokens.Stops())
	}
	m := c.vocabulary.Compile(g)
	c.machines = slices.Insert(c.machines, 0, namedMachine{name, m})
	c.machines = c.machines[:min(len(c.machines), maxMachines)]
	return m, nil
}

// texts are the bytes of all tokens, as they are in the middle of a text.
func (a *Assistant) texts() [][]byte {
	names := a.newNames()
	names.some = true
	all := make([][]byte, a.tokens.Size())
	for id := range all {
		if !a.tokens.IsControl(int32(id)) {
			all[id] = []byte(names.text(int32(id)))
		}
	}
	return all
}

// thinks are the marks that open and close reasoning.
var thinks = map[string]string{
	"<think>":            "</think>",
	"[THINK]":            "[/THINK]",
	"<|START_THINKING|>": "<|END_THINKING|>",
}

// mask is a grammar as the sampler knows it. Reasoning that the prompt opened is
// free; the grammar begins behind it.
type mask struct {
	state  *grammar.State
	bits   []uint64
	tokens *tokenizer.Tokenizer
	thinks string // the mark that closes the reasoning; empty: it is over
	tail   string // of the reasoning
}

var _ sample.Mask = (*mask)(nil)

func (a *Assistant) newMask(m *grammar.Machine, prompt string) *mask {
	out := &mask{state: m.Start(), bits: make([]uint64, (a.tokens.Size()+63)/64), tokens: a.tokens}
	prompt = strings.TrimRight(prompt, " \t\r\n")
	for opens, closes := range thinks {
		if strings.HasSuffix(prompt, opens) {
			out.thinks = closes
		}
	}
	return out
}

// Mask implements [sample.Mask].
func (m *mask) Mask(logits []float32) {
	if m.thinks != "" {
		return
	}
	m.state.Mask(m.bits)
	minus := float32(math.Inf(-1))
	for i := range logits {
		if w := i >> 6; w >= len(m.bits) || m.bits[w]>>(i&63)&1 == 0 {
			logits[i] = minus
		}
	}
}

// Accept implements [sample.Mask].
func (m *mask) Accept(id int32) {
	if m.thinks == "" {
		_ = m.state.Accept(id) // what Mask let through fits
		return
	}
	text := m.tokens.Decode([]int32{id})
	if m.tokens.IsControl(id) {
		text = m.tokens.Piece(id)
	}
	m.tail += text
	if strings.HasSuffix(strings.TrimRight(m.tail, " \t\r\n"), m.thinks) {
		m.thinks, m.tail = "", ""
		return
	}
	const enough = 64 // longer than a mark with the spaces behind it
	m.tail = m.tail[max(0, len(m.tail)-enough):]
}
