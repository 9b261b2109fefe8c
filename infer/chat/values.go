package chat

import (
	"fmt"
	"strings"

	"github.com/nikolalohinski/gonja/v2/builtins"
	"github.com/nikolalohinski/gonja/v2/exec"
)

// list is a list whose [-n] works for every n, as in Python: gonja's own lists
// do not find the first element from the end.
type list []any

var _ exec.ItemGetter = list(nil)

// GetItem returns an element by its index.
func (l list) GetItem(key any) (*exec.Value, bool) {
	i, ok := key.(int)
	if !ok {
		return exec.AsValue(nil), false
	}
	if i < 0 {
		i += len(l)
	}
	if i < 0 || i >= len(l) {
		return exec.AsValue(nil), false
	}
	return exec.ToValue(l[i]), true
}

// methods are gonja's methods of values with those of strings that behave
// unlike Python's replaced.
func methods() exec.Methods {
	m := builtins.Methods
	own := map[string]exec.Method[string]{
		"replace": replace,
		"split":   split,
		"strip":   strip(true, true),
		"lstrip":  strip(true, false),
		"rstrip":  strip(false, true),
	}
	for _, name := range []string{
		"capitalize", "count", "endswith", "find", "format", "isalnum", "isalpha", "isdecimal", "isdigit", "islower",
		"isnumeric", "isspace", "isupper", "join", "lower", "partition", "removeprefix", "removesuffix", "rfind",
		"rpartition", "rsplit", "splitlines", "startswith", "title", "upper",
	} {
		if method, ok := m.Str.Get(name); ok {
			own[name] = method
		}
	}
	m.Str = exec.NewMethodSet(own)
	// As in Hugging Face's sandbox, none that change a list or dictionary.
	m.Dict = only(m.Dict, "copy", "get", "items", "keys", "values")
	m.List = only(m.List, "copy")
	return m
}

// only keeps the named methods.
func only[T any](all *exec.MethodSet[T], names ...string) *exec.MethodSet[T] {
	kept := map[string]exec.Method[T]{}
	for _, name := range names {
		if method, ok := all.Get(name); ok {
			kept[name] = method
		}
	}
	return exec.NewMethodSet(kept)
}

// arguments returns the arguments of a method by position or name, nil for
// those that are None or not given; of the first min, none may be missing.
func arguments(params *exec.VarArgs, min int, names ...string) ([]*exec.Value, error) {
	if len(params.Args) > len(names) {
		return nil, fmt.Errorf("takes at most %d arguments, not %d", len(names), len(params.Args))
	}
	values := make([]*exec.Value, len(names))
	copy(values, params.Args)
	for i, name := range names {
		if v, ok := params.KwArgs[name]; ok {
			values[i] = v
		}
		if values[i] != nil && values[i].IsNil() {
			values[i] = nil
		}
		if values[i] == nil && i < min {
			return nil, fmt.Errorf("argument %s is missing", name)
		}
	}
	return values, nil
}

// replace is str.replace(old, new, count=-1).
func replace(self string, _ *exec.Value, params *exec.VarArgs) (any, error) {
	a, err := arguments(params, 2, "old", "new", "count")
	if err != nil {
		return nil, fmt.Errorf("replace: %w", err)
	}
	n := -1
	if a[2] != nil {
		n = a[2].Integer()
	}
	text := strings.Replace(self, a[0].String(), a[1].String(), n)
	if len(text) > maxOutput {
		return nil, fmt.Errorf("replace: text exceeds %d bytes", maxOutput)
	}
	return text, nil
}

// split is str.split(sep=None, maxsplit=-1).
func split(self string, _ *exec.Value, params *exec.VarArgs) (any, error) {
	a, err := arguments(params, 0, "sep", "maxsplit")
	if err != nil {
		return nil, fmt.Errorf("split: %w", err)
	}
	limit := -1
	if a[1] != nil && a[1].Integer() >= 0 {
		limit = a[1].Integer() + 1
	}
	var parts []string
	switch {
	case a[0] == nil && limit < 0:
		parts = strings.Fields(self)
	case a[0] == nil:
		return nil, fmt.Errorf("split: maxsplit without a separator is not supported")
	case a[0].String() == "":
		return nil, fmt.Errorf("split: the separator is empty")
	default:
		parts = strings.SplitN(self, a[0].String(), limit)
	}
	out := make(list, len(parts))
	for i, part := range parts {
		out[i] = part
	}
	return out, nil
}

// pythonSpace is what Python's str.strip takes for white space.
const pythonSpace = " \t\n\v\f\r\x1c\x1d\x1e\x1f\u0085\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005" +
	"\u2006\u2007\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000"

// strip is str.strip(chars=None) for the given sides.
func strip(left, right bool) exec.Method[string] {
	return func(self string, _ *exec.Value, params *exec.VarArgs) (any, error) {
		a, err := arguments(params, 0, "chars")
		if err != nil {
			return nil, fmt.Errorf("strip: %w", err)
		}
		chars := pythonSpace
		if a[0] != nil {
			chars = a[0].String()
		}
		if left {
			self = strings.TrimLeft(self, chars)
		}
		if right {
			self = strings.TrimRight(self, chars)
		}
		return self, nil
	}
}
