package chat

import (
	"fmt"
	"strings"

	"github.com/nikolalohinski/gonja/v2/exec"
)

// functions are the global functions that chat templates expect, beyond
// Jinja's own or with bounds.
var functions = map[string]any{
	"namespace":       newNamespace,
	"raise_exception": raiseException,
	"range":           boundedRange,
}

// raiseException ends a rendering; templates use it to refuse conversations.
func raiseException(_ *exec.Evaluator, params *exec.VarArgs) *exec.Value {
	reason := "no reason given"
	if len(params.Args) > 0 {
		reason = params.Args[0].String()
	}
	return exec.AsValue(fmt.Errorf("the template refuses: %s", reason))
}

// maxRange is the length of the longest range.
const maxRange = 10_000

func boundedRange(_ *exec.Evaluator, params *exec.VarArgs) *exec.Value {
	start, stop, step, err := rangeArguments(params)
	if err != nil {
		return exec.AsValue(err)
	}
	var numbers []int
	for i := start; step > 0 && i < stop || step < 0 && i > stop; i += step {
		if len(numbers) == maxRange {
			return exec.AsValue(fmt.Errorf("range is longer than %d", maxRange))
		}
		numbers = append(numbers, i)
	}
	return exec.AsValue(numbers)
}

func rangeArguments(params *exec.VarArgs) (start, stop, step int, err error) {
	n := make([]int, len(params.Args))
	for i, arg := range params.Args {
		if !arg.IsInteger() {
			return 0, 0, 0, fmt.Errorf("range: argument %d is %s, not an integer", i+1, arg.String())
		}
		n[i] = arg.Integer()
	}
	switch {
	case len(n) == 1:
		return 0, n[0], 1, nil
	case len(n) == 2:
		return n[0], n[1], 1, nil
	case len(n) == 3 && n[2] != 0:
		return n[0], n[1], n[2], nil
	}
	return 0, 0, 0, fmt.Errorf("range: want 1 to 3 integers, the last of 3 not 0")
}

// strftimeNow formats the current time as C's strftime does.
func (t *Template) strftimeNow(_ *exec.Evaluator, params *exec.VarArgs) *exec.Value {
	if len(params.Args) != 1 || !params.Args[0].IsString() {
		return exec.AsValue(fmt.Errorf("strftime_now: want one format"))
	}
	now := t.now()
	format := params.Args[0].String()
	var out strings.Builder
	for i := 0; i < len(format); i++ {
		if format[i] != '%' || i+1 == len(format) {
			out.WriteByte(format[i])
			continue
		}
		i++
		switch layout, ok := layouts[format[i]]; {
		case ok:
			out.WriteString(now.Format(layout))
		case format[i] == '%':
			out.WriteByte('%')
		default:
			return exec.AsValue(fmt.Errorf("strftime_now: %%%c is not supported", format[i]))
		}
	}
	return exec.AsValue(out.String())
}

// layouts are Go's layouts for the directives of strftime.
var layouts = map[byte]string{
	'a': "Mon", 'A': "Monday", 'b': "Jan", 'B': "January", 'd': "02", 'H': "15", 'I': "03",
	'j': "002", 'm': "01", 'M': "04", 'p': "PM", 'S': "05", 'y': "06", 'Y': "2006", 'Z': "MST", 'z': "-0700",
	'F': "2006-01-02", 'T': "15:04:05", 'e': "_2",
}
