package grammar

import (
	"fmt"
	"math/big"
	"slices"
	"strconv"
	"strings"

	"github.com/a472be26/cusp/infer/grammar/regular"
)

// Bounds on the numbers in schemas.
const (
	maxNumberText = 64  // characters
	maxExponent   = 64  // of ten
	maxMultiple   = 999 // multipleOf, without its power of ten
)

// parseNumber reads a JSON number exactly.
func parseNumber(text string) (*big.Rat, error) {
	if _, exponent, ok := strings.Cut(strings.ToLower(text), "e"); ok {
		if e, err := strconv.Atoi(exponent); err != nil || e < -maxExponent || e > maxExponent {
			return nil, fmt.Errorf("the number %.80s has an exponent beyond %d", text, maxExponent)
		}
	}
	if len(text) > maxNumberText {
		return nil, fmt.Errorf("the number %.80s has more than %d characters", text, maxNumberText)
	}
	r, ok := new(big.Rat).SetString(text)
	if !ok {
		return nil, fmt.Errorf("%.80s is no number", text)
	}
	return r, nil
}

// numberText writes a number of a schema without an exponent.
func numberText(r *big.Rat) string {
	if r.IsInt() {
		return r.Num().String()
	}
	return strings.TrimRight(r.FloatString(2*maxNumberText+maxExponent), "0")
}

// numbers is what a schema wants of a number.
type numbers struct {
	integer  bool
	min, max *limit
	multiple *big.Rat   // nil: any
	values   []*big.Rat // only these; nil: no such list
}

// limit is a bound, which is in itself allowed or not.
type limit struct {
	value    *big.Rat
	excluded bool
}

// has reports whether a number is one of them.
func (n *numbers) has(r *big.Rat) bool {
	if n.integer && !r.IsInt() || n.multiple != nil && !new(big.Rat).Quo(r, n.multiple).IsInt() {
		return false
	}
	if n.values != nil && !slices.ContainsFunc(n.values, func(v *big.Rat) bool { return v.Cmp(r) == 0 }) {
		return false
	}
	return n.min.allows(r, 1) && n.max.allows(r, -1)
}

// allows reports whether a number is on the side of the bound that the sign says.
func (l *limit) allows(r *big.Rat, sign int) bool {
	if l == nil {
		return true
	}
	c := r.Cmp(l.value) * sign
	return c > 0 || c == 0 && !l.excluded
}

// tighter is the bound that allows less; the sign is that of allows.
func (l *limit) tighter(m *limit, sign int) *limit {
	switch {
	case l == nil:
		return m
	case m == nil || m.allows(l.value, sign) && (l.excluded || m.value.Cmp(l.value) != 0 || !m.excluded):
		return l
	}
	return m
}

// and is what both want.
func (n numbers) and(m numbers) (numbers, error) {
	both := numbers{
		integer: n.integer || m.integer,
		min:     n.min.tighter(m.min, 1), max: n.max.tighter(m.max, -1),
		multiple: n.multiple, values: n.values,
	}
	if both.multiple == nil {
		both.multiple = m.multiple
	} else if m.multiple != nil {
		both.multiple = commonMultiple(n.multiple, m.multiple)
	}
	if both.values == nil {
		both.values = m.values
	}
	if both.values != nil {
		both.values = slices.DeleteFunc(slices.Clone(both.values), func(r *big.Rat) bool { return !n.has(r) || !m.has(r) })
	}
	return both, nil
}

// commonMultiple is the smallest number that is a multiple of both.
func commonMultiple(a, b *big.Rat) *big.Rat {
	x := new(big.Int).Mul(a.Num(), b.Denom())
	y := new(big.Int).Mul(b.Num(), a.Denom())
	gcd := new(big.Int).GCD(nil, nil, x, y)
	lcm := new(big.Int).Mul(x, new(big.Int).Quo(y, gcd))
	return new(big.Rat).SetFrac(lcm, new(big.Int).Mul(a.Denom(), b.Denom()))
}

// none reports whether it is certain that there is no such number.
func (n *numbers) none() bool {
	if n.values != nil {
		return len(n.values) == 0
	}
	if n.min == nil || n.max == nil {
		return false
	}
	step := n.multiple
	if step == nil && n.integer {
		step = big.NewRat(1, 1)
	}
	if step == nil {
		c := n.min.value.Cmp(n.max.value)
		return c > 0 || c == 0 && (n.min.excluded || n.max.excluded)
	}
	// The first multiple from the lower bound on.
	q := new(big.Rat).Quo(n.min.value, step)
	first := new(big.Int).Div(q.Num(), q.Denom()) // rounded down
	at := new(big.Rat).Mul(new(big.Rat).SetInt(first), step)
	for !n.min.allows(at, 1) {
		at.Add(at, step)
	}
	return !n.max.allows(at, -1)
}

// key tells different wishes apart.
func (n *numbers) key() string {
	text := func(l *limit) string {
		if l == nil {
			return "-"
		}
		return l.value.RatString() + strconv.FormatBool(l.excluded)
	}
	return fmt.Sprint(n.integer, text(n.min), text(n.max), n.multiple, n.values)
}

// dfa is the numbers' notations: integers as such, others without an exponent,
// unless anything goes. digits bounds the digits before and after the point, as
// far as the bounds do not need more; 0 is no bound.
func (n *numbers) dfa(digits int) (regular.DFA, error) {
	if n.values != nil {
		texts := make([]string, len(n.values))
		for i, r := range n.values {
			texts[i] = numberText(r)
		}
		return regular.Words(texts...)
	}
	c, err := newComparer(n, digits)
	if err != nil {
		return nil, err
	}
	var alphabet []regular.Range
	for _, r := range "+-.0123456789Ee" {
		alphabet = append(alphabet, regular.Range{Lo: r, Hi: r})
	}
	return regular.Build(notation{}, alphabet, c.step, c.accept)
}

// comparer reads a number digit by digit and compares it with bounds.
type comparer struct {
	n         *numbers
	bounds    []decimal
	minAt     int // index in bounds, or -1
	maxAt     int
	most      int // digits allowed before and after the point; 0: any number
	countTo   int // digits before the point that have to be counted
	fractTo   int // digits after the point that have to be counted
	exponent  bool
	divisor   int // the number times ten to the power of scale is a multiple of it; 0: no matter
	scale     int
	powersMod []int // of ten, by exponent up to scale
}

// decimal is a bound's digits: without leading zeros, but for a single one, and
// without trailing ones.
type decimal struct {
	negative     bool
	whole, fract string
}

func newDecimal(r *big.Rat) decimal {
	whole, fract, _ := strings.Cut(numberText(new(big.Rat).Abs(r)), ".")
	return decimal{r.Sign() < 0, whole, fract}
}

func newComparer(n *numbers, digits int) (*comparer, error) {
	c := &comparer{n: n, minAt: -1, maxAt: -1, most: digits}
	for _, b := range []struct {
		limit *limit
		at    *int
	}{{n.min, &c.minAt}, {n.max, &c.maxAt}} {
		if b.limit != nil {
			*b.at = len(c.bounds)
			d := newDecimal(b.limit.value)
			c.bounds = append(c.bounds, d)
			c.countTo = max(c.countTo, len(d.whole)+1)
			c.fractTo = max(c.fractTo, len(d.fract))
		}
	}
	c.exponent = len(c.bounds) == 0 && n.multiple == nil && !n.integer
	if n.multiple != nil {
		if err := c.setMultiple(); err != nil {
			return nil, err
		}
	}
	if digits > 0 {
		c.most = max(digits, c.countTo, c.fractTo+1)
		c.countTo, c.fractTo = c.most, c.most
	}
	return c, nil
}

func (c *comparer) setMultiple() error {
	text := newDecimal(c.n.multiple)
	c.scale = len(text.fract)
	p, err := strconv.Atoi(strings.TrimLeft(text.whole+text.fract, "0"))
	if err != nil || p > maxMultiple || p < 1 {
		return fmt.Errorf("multipleOf %s: only up to %d times a power of ten is supported", numberText(c.n.multiple), maxMultiple)
	}
	c.divisor = p
	c.fractTo = max(c.fractTo, c.scale)
	c.powersMod = []int{1 % p}
	for i := range c.scale {
		c.powersMod = append(c.powersMod, c.powersMod[i]*10%p)
	}
	return nil
}

// phase is what part of a number was read last.
type phase uint8

const (
	atStart phase = iota
	atMinus
	atZero // the only digit before the point
	atWhole
	atPoint
	atFract
	atE
	atESign
	atExp1 // digits of the exponent
	atExp2
)

// notation is what is known of a number that was read in part.
type notation struct {
	phase    phase
	negative bool
	nonzero  bool
	digits   int     // before the point, or after it; up to what has to be counted
	order    [2]int8 // beside the bounds' digits so far
	rest     int     // of the division by the divisor
}

func (c *comparer) step(s notation, r rune) (notation, bool) {
	switch {
	case r == '-' && s.phase == atStart:
		s.phase, s.negative = atMinus, true
		return s, true
	case r == '.' && (s.phase == atZero || s.phase == atWhole) && !c.n.integer:
		return c.point(s), true
	case (r == 'e' || r == 'E') && c.exponent && (s.phase == atZero || s.phase == atWhole || s.phase == atFract):
		return notation{phase: atE}, true
	case (r == '+' || r == '-') && s.phase == atE:
		return notation{phase: atESign}, true
	case r >= '0' && r <= '9':
		return c.digit(s, byte(r))
	}
	return s, false
}

func (c *comparer) digit(s notation, d byte) (notation, bool) {
	switch s.phase {
	case atE, atESign:
		return notation{phase: atExp1}, true
	case atExp1:
		return notation{phase: atExp2}, true
	case atStart, atMinus:
		s.phase = atWhole
		if d == '0' {
			s.phase = atZero
			if s.negative && c.n.integer {
				return s, false
			}
		}
		return c.whole(s, d)
	case atWhole:
		return c.whole(s, d)
	case atPoint, atFract:
		s.phase = atFract
		return c.fract(s, d)
	}
	return s, false
}

// whole takes a digit before the point.
func (c *comparer) whole(s notation, d byte) (notation, bool) {
	if c.most > 0 && s.digits >= c.most {
		return s, false
	}
	for i, b := range c.bounds {
		if s.order[i] == 0 && s.digits < len(b.whole) {
			s.order[i] = compareDigits(d, b.whole[s.digits])
		}
	}
	s.nonzero = s.nonzero || d != '0'
	s.digits = min(s.digits+1, c.countTo)
	return c.divide(s, d), true
}

// point ends the part before the point, of which a longer one is more.
func (c *comparer) point(s notation) notation {
	for i, b := range c.bounds {
		if s.digits != len(b.whole) {
			s.order[i] = compareInts(s.digits, len(b.whole))
		}
	}
	s.digits, s.phase = 0, atPoint
	return s
}

func (c *comparer) fract(s notation, d byte) (notation, bool) {
	if c.most > 0 && s.digits >= c.most || c.divisor > 0 && s.digits >= c.scale && d != '0' {
		return s, false
	}
	for i, b := range c.bounds {
		if s.order[i] == 0 {
			want := byte('0')
			if s.digits < len(b.fract) {
				want = b.fract[s.digits]
			}
			s.order[i] = compareDigits(d, want)
		}
	}
	s.nonzero = s.nonzero || d != '0'
	if s.digits < c.scale {
		s = c.divide(s, d)
	}
	s.digits = min(s.digits+1, c.fractTo)
	return s, true
}

func (c *comparer) divide(s notation, d byte) notation {
	if c.divisor > 0 {
		s.rest = (10*s.rest + int(d-'0')) % c.divisor
	}
	return s
}

func (c *comparer) accept(s notation) bool {
	switch s.phase {
	case atZero, atWhole:
		s = c.point(s)
	case atFract:
	case atExp1, atExp2:
		return true
	default:
		return false
	}
	if c.divisor > 0 && s.rest*c.powersMod[c.scale-min(s.digits, c.scale)]%c.divisor != 0 {
		return false
	}
	if c.minAt >= 0 {
		if o := c.compare(s, c.minAt); o < 0 || o == 0 && c.n.min.excluded {
			return false
		}
	}
	if c.maxAt >= 0 {
		if o := c.compare(s, c.maxAt); o > 0 || o == 0 && c.n.max.excluded {
			return false
		}
	}
	return true
}

// compare says whether a number that has ended is less than a bound, equal or
// more.
func (c *comparer) compare(s notation, bound int) int8 {
	b := c.bounds[bound]
	order := s.order[bound]
	if order == 0 && s.digits < len(b.fract) {
		order = -1 // the bound goes on, and not with zeros only
	}
	switch negative := s.negative && s.nonzero; {
	case negative && b.negative:
		return -order
	case negative:
		return -1
	case b.negative:
		return 1
	}
	return order
}

func compareDigits(a, b byte) int8 { return compareInts(int(a), int(b)) }

func compareInts(a, b int) int8 {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}
