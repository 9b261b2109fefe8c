package jinja

import (
	"errors"
	"fmt"
	"time"
)

// Template is a parsed template, safe for concurrent use.
type Template struct{ body block }

// Options are those of one rendering; zero values are the defaults.
type Options struct {
	Now   func() time.Time // for strftime_now
	Limit time.Duration    // instead of MaxTime
}

// Parse reads a template.
func Parse(source string) (*Template, error) {
	body, err := parse(source)
	if err != nil {
		return nil, err
	}
	return &Template{body}, nil
}

// Render returns what the template writes with the given variables, which it
// does not change.
func (t *Template) Render(variables *Dict, o Options) (out *Text, err error) {
	r := newRun(o)
	defer func() {
		if err != nil {
			err = fmt.Errorf("line %d: %w", r.line, err)
		}
	}()
	defer recoverTo(&err)
	s := &scope{}
	for name, f := range globals {
		s.set(r, name, f)
	}
	for i, key := range variables.keys {
		s.set(r, wantText("variable", key).s, variables.values[i])
	}
	t.body.exec(r, s.inner())
	return r.out.text(), nil
}

// recoverTo turns a failure into an error; so it does with a panic of any other
// kind, because a template is input, and no input may end the program.
func recoverTo(err *error) {
	switch p := recover().(type) {
	case nil:
	case failure:
		*err = p.error
	case error:
		*err = fmt.Errorf("the template engine failed: %w", p)
	default:
		*err = errors.New("the template engine failed: " + fmt.Sprint(p))
	}
}
