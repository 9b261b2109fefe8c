package chat

import (
	"errors"
	"fmt"
	"time"

	"github.com/nikolalohinski/gonja/v2/builtins"
	controlstructures "github.com/nikolalohinski/gonja/v2/builtins/control_structures"
	"github.com/nikolalohinski/gonja/v2/exec"
	"github.com/nikolalohinski/gonja/v2/nodes"
	"github.com/nikolalohinski/gonja/v2/parser"
	"github.com/nikolalohinski/gonja/v2/tokens"
)

// structures are the statements that a chat template may use. Left out are
// those that read other templates and those that can call themselves without
// a bound (block, recursive loops).
var structures = confine("break", "continue", "do", "filter", "for", "if", "macro", "raw", "with")

func confine(names ...string) *exec.ControlStructureSet {
	allowed := make(map[string]parser.ControlStructureParser, len(names)+1)
	for _, name := range names {
		parse, ok := builtins.ControlStructures.Get(name)
		if !ok {
			panic("gonja has no statement " + name)
		}
		allowed[name] = confined(parse)
	}
	// Marks the assistant's text for training; in a prompt it means nothing.
	allowed["generation"] = generation
	allowed["set"] = confined(parseSet)
	return exec.NewControlStructureSet(allowed)
}

// confined wraps what parse returns so that its execution counts on the budget.
func confined(parse parser.ControlStructureParser) parser.ControlStructureParser {
	return func(p, args *parser.Parser) (nodes.ControlStructure, error) {
		parsed, err := parse(p, args)
		if err != nil {
			return nil, err
		}
		switch s := parsed.(type) {
		case *controlstructures.MacroControlStructure:
			return &macro{s}, nil
		case *controlstructures.ForControlStructure:
			if s.Recursive {
				return nil, errors.New("recursive loops are not supported in a chat template")
			}
		}
		s, ok := parsed.(exec.ControlStructure)
		if !ok {
			return parsed, nil
		}
		return &statement{s}, nil
	}
}

// statement is a statement that counts on the budget.
type statement struct{ exec.ControlStructure }

func (s *statement) Execute(r *exec.Renderer, block *nodes.ControlStructureBlock) error {
	if err := budgetOf(r).spend(); err != nil {
		return err
	}
	return s.ControlStructure.Execute(r, block)
}

// macro defines a macro whose calls count on the budget.
type macro struct {
	*controlstructures.MacroControlStructure
}

func (m *macro) Execute(r *exec.Renderer, _ *nodes.ControlStructureBlock) error {
	call, err := exec.MacroNodeToFunc(m.Macro, r)
	if err != nil {
		return fmt.Errorf("define macro %s: %w", m.Name, err)
	}
	b := budgetOf(r)
	r.Environment.Context.Set(m.Name, exec.Macro(func(params *exec.VarArgs) *exec.Value {
		if err := b.enter(); err != nil {
			return exec.AsValue(fmt.Errorf("macro %s: %w", m.Name, err))
		}
		defer b.leave()
		return call(params)
	}))
	return nil
}

// wrapped is a statement that is nothing but its body.
type wrapped struct {
	at   *tokens.Token
	body *nodes.Wrapper
}

func (w *wrapped) Position() *tokens.Token { return w.at }
func (w *wrapped) String() string          { return "generation" }

func (w *wrapped) Execute(r *exec.Renderer, _ *nodes.ControlStructureBlock) error {
	return r.ExecuteIfWrapper(w.body)
}

func generation(p, _ *parser.Parser) (nodes.ControlStructure, error) {
	at := p.Current()
	body, _, err := p.WrapUntil("endgeneration")
	if err != nil {
		return nil, err
	}
	return &wrapped{at, body}, nil
}

// budget bounds one rendering. It belongs to the goroutine that renders.
type budget struct {
	limit    time.Duration
	deadline time.Time // limit after the start
	depth    int       // of macro calls
}

// budgetName is no identifier: a template cannot reach it.
const budgetName = "\x00budget"

// maxDepth is far from where the calls would exhaust Go's stack, which no
// recover survives.
const maxDepth = 64

func budgetOf(r *exec.Renderer) *budget {
	if v, ok := r.Environment.Context.Get(budgetName); ok {
		if b, ok := v.(*budget); ok {
			return b
		}
	}
	return &budget{} // expired: nothing runs outside Render
}

func (b *budget) spend() error {
	if time.Now().After(b.deadline) {
		return fmt.Errorf("rendering takes longer than %v", b.limit)
	}
	return nil
}

func (b *budget) enter() error {
	if b.depth++; b.depth > maxDepth {
		return fmt.Errorf("calls nest deeper than %d", maxDepth)
	}
	return b.spend()
}

func (b *budget) leave() { b.depth-- }
