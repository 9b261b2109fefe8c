package kernel

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// word is one macro of words_arm64.h.
type word struct {
	name     string
	mnemonic string // of the comment, e.g. "sdot vd.4s, vn.16b, vm.16b"
	base     uint32
	hasM     bool
}

func (w word) encode(m, n, d uint32) uint32 {
	if !w.hasM {
		m = 0
	}
	return w.base | m<<16 | n<<5 | d
}

// assembly is the instruction for given registers.
func (w word) assembly(m, n, d uint32) string {
	number := map[string]uint32{"m": m, "n": n, "d": d}
	return regexp.MustCompile(`\b([vs])([mnd])\b`).ReplaceAllStringFunc(w.mnemonic, func(r string) string {
		return fmt.Sprint(r[:1], number[r[1:]])
	})
}

var wordMacro = regexp.MustCompile(`// (\S+ .*)\n#define (\w+)\((m, )?n, d\) WORD \$\((0x[0-9a-f]{8}) \|( \(m\)<<16 \|)? \(n\)<<5 \| \(d\)\)\n`)

func readWords(t *testing.T) []word {
	text, err := os.ReadFile("words_arm64.h")
	if err != nil {
		t.Fatal(err)
	}
	var words []word
	for _, match := range wordMacro.FindAllStringSubmatch(string(text), -1) {
		base, err := strconv.ParseUint(match[4], 0, 32)
		if err != nil {
			t.Fatal(err)
		}
		if (match[3] == "") != (match[5] == "") {
			t.Errorf("%s: m is named but not used, or the reverse", match[2])
		}
		words = append(words, word{match[2], match[1], uint32(base), match[3] != ""})
	}
	if macros := strings.Count(string(text), "#define"); len(words) != macros || macros == 0 {
		t.Fatalf("words_arm64.h has %d macros, of which %d read as expected", macros, len(words))
	}
	return words
}

func TestWordsMatchTheirMnemonics(t *testing.T) {
	t.Parallel()
	for _, w := range readWords(t) {
		for _, r := range [][3]uint32{{0, 0, 0}, {31, 0, 0}, {0, 31, 0}, {0, 0, 31}, {5, 10, 21}} {
			asm := w.assembly(r[0], r[1], r[2])
			want, err := assemble(asm)
			if err != nil {
				t.Fatalf("%s: %v", w.name, err)
			}
			if got := w.encode(r[0], r[1], r[2]); got != want {
				t.Errorf("%s: word %#08x, but %q is %#08x", w.name, got, asm, want)
			}
		}
	}
}

// All words stand in the header, where the test above sees them.
func TestNoOtherWords(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("*_arm64.s")
	if err != nil || len(files) == 0 {
		t.Fatalf("no assembly found: %v", err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(text), "WORD") {
			t.Errorf("%s has a WORD of its own", file)
		}
	}
}

// group is a class of Advanced SIMD encodings of the Arm Architecture
// Reference Manual, chapter C4; fixed has its constant bits.
type group struct {
	fixed  uint32
	opcode int // position of the opcode field
}

var (
	threeSame      = group{0x0e200400, 11}
	threeDifferent = group{0x0e200000, 12}
	threeExtra     = group{0x0e008400, 11}
	twoMisc        = group{0x0e200800, 12}
	acrossLanes    = group{0x0e300800, 12}
	byElement      = group{0x0f000000, 12}
	byImmediate    = group{0x0f000400, 11}
)

// instruction fills in a group. The size field is that of an integer operand,
// or for floating point the given constant.
type instruction struct {
	group  group
	u      uint32
	opcode uint32
	size   int
}

// Values of instruction.size other than a constant: it is the element of the
// source or, where that is the narrower, of the destination.
const (
	ofSource = -1
	ofDest   = -2
	narrowed = -3 // zero, and the destination says how many
)

// Mnemonics whose last operand is an element end in [], those with an immediate
// in #; that of shll is always the width of the source.
var instructions = map[string]instruction{
	"sdot":   {threeExtra, 0, 0b0010, 2},
	"sdot[]": {byElement, 0, 0b1110, 2},
	"smmla":  {threeExtra, 0, 0b0100, 2},
	"smull":  {threeDifferent, 0, 0b1100, ofSource},
	"smull2": {threeDifferent, 0, 0b1100, ofSource},
	"smlal":  {threeDifferent, 0, 0b1000, ofSource},
	"smlal2": {threeDifferent, 0, 0b1000, ofSource},
	"sadalp": {twoMisc, 0, 0b00110, ofSource},
	"saddlp": {twoMisc, 0, 0b00010, ofSource},
	"sqxtn":  {twoMisc, 0, 0b10100, ofDest},
	"sqxtn2": {twoMisc, 0, 0b10100, ofDest},
	"smax":   {threeSame, 0, 0b01100, ofSource},
	"umax":   {threeSame, 1, 0b01100, ofSource},
	"umaxv":  {acrossLanes, 1, 0b01010, ofSource},
	"scvtf":  {twoMisc, 0, 0b11101, 0},
	"scvtf#": {byImmediate, 0, 0b11100, 0},
	"fcvtas": {twoMisc, 0, 0b11100, 0},
	"fcvtns": {twoMisc, 0, 0b11010, 0},
	"frintn": {twoMisc, 0, 0b11000, 0},
	"fcvtl":  {twoMisc, 0, 0b10111, 0},
	"fcvtl2": {twoMisc, 0, 0b10111, 0},
	"shll#":  {twoMisc, 1, 0b10011, ofSource},
	"shll2#": {twoMisc, 1, 0b10011, ofSource},
	"fcvtn":  {twoMisc, 0, 0b10110, narrowed},
	"fcvtn2": {twoMisc, 0, 0b10110, narrowed},
	"fadd":   {threeSame, 0, 0b11010, 0},
	"fsub":   {threeSame, 0, 0b11010, 2},
	"fmul":   {threeSame, 1, 0b11011, 0},
	"fdiv":   {threeSame, 1, 0b11111, 0},
	"fmax":   {threeSame, 0, 0b11110, 0},
	"fmin":   {threeSame, 0, 0b11110, 2},
	"fcmge":  {threeSame, 1, 0b11100, 0},
	"faddp":  {threeSame, 1, 0b11010, 0},
	"fmaxv":  {acrossLanes, 1, 0b01111, 0},
	"fmla":   {threeSame, 0, 0b11001, 0},
	"fmla[]": {byElement, 0, 0b0001, 2},
	"fmls[]": {byElement, 0, 0b0101, 2},
	"fmul[]": {byElement, 0, 0b1001, 2},
}

var operandForm = regexp.MustCompile(`^[vs](\d+)(?:\.(\d*)([bhs])(?:\[(\d)\])?)?$`)

type operand64 struct {
	number, count, index uint32
	element              string
}

// assemble encodes an instruction of the table above.
func assemble(asm string) (uint32, error) {
	mnemonic, rest, _ := strings.Cut(asm, " ")
	rest, immediate, hasImmediate := strings.Cut(rest, ", #")
	switch {
	case hasImmediate:
		mnemonic += "#"
	case strings.HasSuffix(rest, "]"):
		mnemonic += "[]"
	}
	in, ok := instructions[mnemonic]
	if !ok {
		return 0, fmt.Errorf("%q: unknown mnemonic", asm)
	}
	var ops []operand64
	for _, text := range strings.Split(rest, ", ") {
		match := operandForm.FindStringSubmatch(text)
		if match == nil {
			return 0, fmt.Errorf("%q: operand %q", asm, text)
		}
		ops = append(ops, operand64{number(match[1]), number(match[2]), number(match[4]), match[3]})
	}
	code := in.group.fixed | in.u<<29 | in.opcode<<in.group.opcode | ops[1].number<<5 | ops[0].number
	if len(ops) == 3 {
		code |= ops[2].number << 16
	}
	if hasImmediate && in.group == byImmediate {
		code |= (64 - number(immediate)) << 16 // of the fraction of 32-bit elements
	}
	return code | in.shape(ops), nil
}

// shape is the Q bit, the size and the index of an element.
func (in instruction) shape(ops []operand64) uint32 {
	sized := ops[1]
	size := uint32(in.size)
	switch in.size {
	case narrowed:
		sized, size = ops[0], 0
	case ofDest:
		sized = ops[0]
		fallthrough
	case ofSource:
		size = uint32(strings.Index("bhs", sized.element))
	}
	bytes := sized.count << strings.Index("bhs", sized.element)
	code := bytes/16<<30 | size<<22
	if in.group == byElement {
		index := ops[2].index
		code |= index&1<<21 | index>>1<<11
	}
	return code
}

func number(s string) uint32 {
	n, _ := strconv.ParseUint(s, 10, 32) // the pattern admits digits or nothing
	return uint32(n)
}
