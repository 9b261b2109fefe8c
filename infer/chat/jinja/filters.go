package jinja

import (
	"math"
	"strconv"
	"strings"
)

// filterFunc is a filter: a function of the value before the bar and of arguments.
type filterFunc func(r *run, in Value, a callArgs) Value

var filters = map[string]filterFunc{
	"abs": absolute, "attr": attrFilter, "batch": batch, "capitalize": onText("capitalize"), "center": center,
	"count": lengthFilter, "d": defaultFilter, "default": defaultFilter, "dictsort": dictSort, "e": escapeFilter,
	"escape": escapeFilter, "first": first, "float": floatFilter, "forceescape": forceEscape, "format": formatFilter,
	"from_json": fromJSON, "groupby": groupBy, "indent": indent, "int": intFilter, "items": itemsFilter, "join": joinFilter, "last": last,
	"length": lengthFilter, "list": listFilter, "lower": onText("lower"), "map": mapFilter, "max": extreme(">"),
	"min": extreme("<"), "reject": choose(false, false), "rejectattr": choose(true, false), "replace": replaceFilter,
	"reverse": reverse, "round": round, "safe": safe, "select": choose(false, true), "selectattr": choose(true, true),
	"slice": sliceFilter, "sort": sortFilter, "string": stringFilter, "sum": sum, "title": titleFilter,
	"tojson": toJSON, "trim": onText("strip"), "truncate": truncate, "unique": unique, "upper": onText("upper"),
	"urlencode": urlEncode, "wordcount": wordCount,
}

// onText is the filter that does what a method of texts does, to what is no
// text as to what it prints.
func onText(method string) filterFunc {
	m := textMethods[method]
	return func(r *run, in Value, a callArgs) Value { return m(r, r.str(in), a) }
}

func absolute(r *run, in Value, a callArgs) Value {
	a.bind(r, "abs", 0)
	if i, ok := integer(in); ok {
		if i < 0 {
			return integers("-", 0, i)
		}
		return i
	}
	f, ok := in.(float64)
	if !ok {
		fail("abs: bad operand type '%s'", typeName(in))
	}
	return math.Abs(f)
}

func attrFilter(r *run, in Value, a callArgs) Value {
	name := a.bind(r, "attr", 1, "name").text(0)
	if name == nil {
		fail("attr: the name is None")
	}
	if u, ok := in.(*undefined); ok {
		fail("%s", u.reason)
	}
	if v, ok := own(in, name.s); ok {
		return v
	}
	return missing(in, name)
}

func lengthFilter(r *run, in Value, a callArgs) Value {
	a.bind(r, "length", 0)
	return r.length(in)
}

func defaultFilter(r *run, in Value, a callArgs) Value {
	b := a.bind(r, "default", 0, "default_value", "boolean")
	if is[*undefined](in) || b.truth(1, false) && !truth(in) {
		return b.value(0, &Text{})
	}
	return in
}

func escapeFilter(r *run, in Value, a callArgs) Value {
	a.bind(r, "escape", 0)
	return r.escape(r.str(in))
}

func forceEscape(r *run, in Value, a callArgs) Value {
	a.bind(r, "forceescape", 0)
	return r.escape(r.str(in).as(false))
}

func safe(r *run, in Value, a callArgs) Value {
	a.bind(r, "safe", 0)
	return r.str(in).as(true)
}

func stringFilter(r *run, in Value, a callArgs) Value {
	a.bind(r, "string", 0)
	return r.str(in)
}

func formatFilter(r *run, in Value, a callArgs) Value {
	if len(a.named) == 0 {
		return r.format(r.str(in), tuple(a.plain...))
	}
	if len(a.plain) > 0 {
		fail("format: arguments by position and by name do not go together")
	}
	return r.format(r.str(in), newDict(r, a))
}

func intFilter(r *run, in Value, a callArgs) Value {
	b := a.bind(r, "int", 0, "default", "base")
	otherwise, base := b.value(0, int64(0)), b.integer(1, 10)
	switch v := in.(type) {
	case *undefined:
		fail("%s", v.reason)
	case float64:
		if math.IsNaN(v) {
			return otherwise
		}
		return wholeOf(v, v)
	case *Text:
		return r.parseInteger(v, otherwise, base)
	}
	if i, ok := integer(in); ok {
		return i
	}
	return otherwise
}

// parseInteger reads digits, or a number with a point, of which it drops the rest.
func (r *run) parseInteger(t *Text, otherwise Value, base int64) Value {
	r.scan(len(t.s))
	s := strings.Trim(t.s, space)
	if base != 0 && (base < 2 || base > 36) {
		fail("int: the base is %d, not 2 to 36", base)
	}
	if prefix := map[int64]string{2: "0b", 8: "0o", 16: "0x"}[base]; prefix != "" {
		s = strings.TrimPrefix(strings.ToLower(s), prefix)
	}
	if i, err := strconv.ParseInt(strings.ReplaceAll(s, "_", ""), int(base), 64); err == nil {
		return i
	}
	if f, err := strconv.ParseFloat(s, 64); err == nil && math.Abs(f) < 1<<63 {
		return int64(f)
	}
	return otherwise
}

func floatFilter(r *run, in Value, a callArgs) Value {
	otherwise := a.bind(r, "float", 0, "default").value(0, 0.0)
	switch v := in.(type) {
	case *undefined:
		fail("%s", v.reason)
	case *Text:
		r.scan(len(v.s))
		if f, err := strconv.ParseFloat(strings.Trim(v.s, space), 64); err == nil {
			return f
		}
		return otherwise
	}
	if f, ok := number(in); ok {
		return f
	}
	return otherwise
}

func round(r *run, in Value, a callArgs) Value {
	b := a.bind(r, "round", 0, "precision", "method")
	precision := int(min(max(b.integer(0, 0), -400), 400))
	method := "common"
	if t := b.text(1); t != nil {
		method = t.s
	}
	f, ok := number(in)
	if !ok {
		fail("round: '%s' is no number", typeName(in))
	}
	scale := math.Pow(10, float64(precision))
	switch i, whole := integer(in); {
	case method == "ceil":
		return math.Ceil(f*scale) / scale
	case method == "floor":
		return math.Floor(f*scale) / scale
	case method != "common":
		fail("round: the method is common, ceil or floor, not %s", method)
	case whole && precision >= 0:
		return i
	case precision < 0:
		f = math.RoundToEven(f*scale) / scale
		if whole {
			return wholeOf(f, f)
		}
		return f
	}
	f, _ = strconv.ParseFloat(strconv.FormatFloat(f, 'f', precision, 64), 64)
	return f
}
