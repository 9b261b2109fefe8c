package chat

import (
	"fmt"
	"strings"

	"github.com/nikolalohinski/gonja/v2/exec"
	"github.com/nikolalohinski/gonja/v2/nodes"
	"github.com/nikolalohinski/gonja/v2/parser"
	"github.com/nikolalohinski/gonja/v2/tokens"
)

// gonja's own set statement writes into any value that a template can reach, so
// that one can be made to hold itself; writing it out then exhausts Go's stack,
// which no recover survives. This one writes names and, as in Jinja, the
// attributes of namespaces, and refuses what nests too deep.

// namespace is what the function of that name makes: the only value that a
// template can change.
type namespace map[string]any

func newNamespace(_ *exec.Evaluator, params *exec.VarArgs) namespace {
	ns := namespace{}
	for name, value := range params.KwArgs {
		ns[name] = value.Interface()
	}
	return ns
}

// assignment is {% set NAME = EXPRESSION %}, {% set NAME.ATTRIBUTE = EXPRESSION %},
// or one of them without a value, whose value is the text up to endset.
type assignment struct {
	at              *tokens.Token
	name, attribute string
	value           nodes.Expression
	condition, or   nodes.Expression // of "value if condition else or"; nil without
	body            *nodes.Wrapper   // nil with a value
}

var _ exec.ControlStructure = (*assignment)(nil)

func (a *assignment) Position() *tokens.Token { return a.at }
func (a *assignment) String() string          { return "set " + a.name }

func parseSet(p, args *parser.Parser) (_ nodes.ControlStructure, err error) {
	a := &assignment{at: p.Current()}
	name := args.Match(tokens.Name)
	if name == nil {
		return nil, args.Error("set: a name is wanted", args.Current())
	}
	a.name = name.Val
	if args.Match(tokens.Dot) != nil {
		attribute := args.Match(tokens.Name)
		if attribute == nil {
			return nil, args.Error("set: a name is wanted after the dot", args.Current())
		}
		a.attribute = attribute.Val
	}
	rest := args
	if args.Match(tokens.Assign) == nil {
		if !args.End() {
			return nil, args.Error("set: only names and attributes of namespaces can be set", args.Current())
		}
		a.body, rest, err = p.WrapUntil("endset")
	} else if a.value, err = args.ParseExpression(); err == nil {
		a.condition, a.or, err = args.ParseCondition()
	}
	switch {
	case err != nil:
		return nil, err
	case a.condition != nil && a.or == nil:
		return nil, args.Error("set: if without else", a.at)
	case !rest.End():
		return nil, rest.Error("set: something is left over", rest.Current())
	}
	return a, nil
}

func (a *assignment) Execute(r *exec.Renderer, _ *nodes.ControlStructureBlock) error {
	value, err := a.evaluate(r)
	if err != nil {
		return err
	}
	if a.attribute == "" {
		r.Environment.Context.Set(a.name, value)
		return checkNesting(value)
	}
	target, _ := r.Environment.Context.Get(a.name)
	ns, ok := target.(namespace)
	if !ok {
		return fmt.Errorf("set: %s is no namespace, its attribute %s cannot be set", a.name, a.attribute)
	}
	ns[a.attribute] = value
	return checkNesting(ns)
}

func (a *assignment) evaluate(r *exec.Renderer) (any, error) {
	if a.body != nil {
		var text strings.Builder
		sub := r.Inherit()
		sub.Output = &text
		err := sub.ExecuteWrapper(a.body)
		return text.String(), err
	}
	chosen := a.value
	if a.condition != nil {
		condition := r.Eval(a.condition)
		if condition.IsError() {
			return nil, condition
		}
		if !condition.IsTrue() {
			chosen = a.or
		}
	}
	value := r.Eval(chosen)
	if value.IsError() {
		return nil, value
	}
	return value.Interface(), nil
}

// maxValues bounds the values within one that is set, each counted as often as
// it is reached: what is shared many times over takes as long to write out.
const maxValues = 1 << 20

// checkNesting refuses a value that nests deeper than maxNesting, as one does
// that holds itself.
func checkNesting(v any) error {
	left := maxValues
	return nesting(v, 0, &left)
}

func nesting(v any, depth int, left *int) error {
	if depth > maxNesting {
		return fmt.Errorf("set: value nests deeper than %d", maxNesting)
	}
	if *left--; *left < 0 {
		return fmt.Errorf("set: value holds more than %d values", maxValues)
	}
	switch value := exec.ToValue(v); {
	case value.IsDict():
		for _, pair := range pairsOf(value) {
			if err := nesting(pair.Value.Interface(), depth+1, left); err != nil {
				return err
			}
		}
	case value.IsList():
		for i := range value.Len() {
			if err := nesting(value.Index(i).Interface(), depth+1, left); err != nil {
				return err
			}
		}
	}
	return nil
}
