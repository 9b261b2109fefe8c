package jinja

import (
	"math"
	"math/bits"
)

// operate is left op right for arithmetic operators.
func (r *run) operate(op string, left, right Value) Value {
	if t, ok := left.(*Text); ok && op == "%" {
		return r.format(t, right)
	}
	for _, v := range []Value{left, right} {
		if u, ok := v.(*undefined); ok {
			fail("%s", u.reason)
		}
	}
	if a, ok := integer(left); ok {
		if b, ok := integer(right); ok {
			return integers(op, a, b)
		}
	}
	if a, ok := number(left); ok {
		if b, ok := number(right); ok {
			return floats(op, a, b)
		}
	}
	if v, ok := r.sequences(op, left, right); ok {
		return v
	}
	fail("unsupported operand types for %s: '%s' and '%s'", op, typeName(left), typeName(right))
	return nil
}

func number(v Value) (float64, bool) {
	if f, ok := v.(float64); ok {
		return f, true
	}
	i, ok := integer(v)
	return float64(i), ok
}

func integers(op string, a, b int64) Value {
	switch op {
	case "+":
		if c := a + b; (c > a) == (b > 0) {
			return c
		}
	case "-":
		if c := a - b; (c < a) == (b > 0) {
			return c
		}
	case "*":
		if c, ok := multiply(a, b); ok {
			return c
		}
	case "**":
		if b < 0 {
			return floats(op, float64(a), float64(b))
		}
		if c, ok := power(a, b); ok {
			return c
		}
	default:
		return divide(op, a, b)
	}
	fail("%d %s %d: the result is too large for an integer", a, op, b)
	return nil
}

func multiply(a, b int64) (int64, bool) {
	high, low := bits.Mul64(magnitude(a), magnitude(b))
	if high != 0 || low > math.MaxInt64 {
		return 0, false
	}
	return a * b, true
}

func magnitude(a int64) uint64 {
	if a < 0 {
		return -uint64(a)
	}
	return uint64(a)
}

func power(a, b int64) (int64, bool) {
	if a == 0 || a == 1 || a == -1 { // the exponent may be any
		if b == 0 || a == -1 && b%2 == 0 {
			return 1, true
		}
		return a, true
	}
	c := int64(1)
	for ; b > 0; b-- {
		var ok bool
		if c, ok = multiply(c, a); !ok {
			return 0, false
		}
	}
	return c, true
}

// divide rounds towards negative infinity, as Python does.
func divide(op string, a, b int64) Value {
	if b == 0 {
		fail("division by zero")
	}
	if op == "/" {
		return float64(a) / float64(b)
	}
	if b == -1 { // the smallest integer has no quotient
		if op == "%" {
			return int64(0)
		}
		return integers("-", 0, a)
	}
	q, m := a/b, a%b
	if m != 0 && (m < 0) != (b < 0) {
		q, m = q-1, m+b
	}
	if op == "%" {
		return m
	}
	return q
}

func floats(op string, a, b float64) Value {
	switch op {
	case "+":
		return a + b
	case "-":
		return a - b
	case "*":
		return a * b
	case "**":
		return math.Pow(a, b)
	}
	if b == 0 {
		fail("division by zero")
	}
	if op == "/" {
		return a / b
	}
	m := math.Mod(a, b)
	if m != 0 && (m < 0) != (b < 0) {
		m += b
	}
	if op == "%" {
		if m == 0 {
			return math.Copysign(0, b)
		}
		return m
	}
	q := (a - m) / b // Python's floor: consistent with the remainder
	if q == 0 {
		return math.Copysign(0, a/b)
	}
	if whole := math.Floor(q); q-whole <= 0.5 {
		return whole
	}
	return math.Ceil(q)
}

// sequences adds and repeats texts and lists.
func (r *run) sequences(op string, left, right Value) (Value, bool) {
	switch op {
	case "+":
		return r.join(left, right)
	case "*":
		if n, ok := integer(left); ok {
			return r.repeat(right, n)
		}
		if n, ok := integer(right); ok {
			return r.repeat(left, n)
		}
	}
	return nil, false
}

func (r *run) join(left, right Value) (Value, bool) {
	switch a := left.(type) {
	case *Text:
		b, ok := right.(*Text)
		if !ok {
			return nil, false
		}
		if a.safe || b.safe {
			return r.concat(r.escape(a), r.escape(b)).as(true), true
		}
		return r.concat(a, b), true
	case *List:
		b, ok := right.(*List)
		if !ok || a.tuple != b.tuple {
			return nil, false
		}
		items := r.values(len(a.items) + len(b.items))
		copy(items[copy(items, a.items):], b.items)
		return &List{items: items, tuple: a.tuple}, true
	}
	return nil, false
}

func (r *run) repeat(v Value, n int64) (Value, bool) {
	n = min(max(n, 0), MaxMemory)
	switch v := v.(type) {
	case *Text:
		b := builder{r: r}
		b.repeat(v, int(n))
		return b.text().as(v.safe), true
	case *List:
		if len(v.items) > 0 && n > int64(MaxMemory/len(v.items)) {
			fail("the template's values take more than %d bytes", MaxMemory)
		}
		items := r.values(len(v.items) * int(n))
		for i := range items {
			items[i] = v.items[i%len(v.items)]
		}
		return &List{items: items, tuple: v.tuple}, true
	}
	return nil, false
}
