package kernel

import (
	"encoding/binary"
	"go/constant"
	"go/token"
	"go/types"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// amxWord is one macro of words_amx_amd64.h.
type amxWord struct {
	name     string
	mnemonic string // of the comment, e.g. "tileloadd tmmd, [rb + ri]"
	word     string // expression of the four bytes after C4
	last     string // of the byte behind them, if there is one
}

var amxMacro = regexp.MustCompile(`// (\S+.*)\n#define (\w+)(?:\([a-z, ]+\))? BYTE \$0xc4; LONG \$(\S.*?)(?:; BYTE \$(\S.*))?\n`)

func readAMXWords(t *testing.T) []amxWord {
	text, err := os.ReadFile("words_amx_amd64.h")
	if err != nil {
		t.Fatal(err)
	}
	var words []amxWord
	for _, match := range amxMacro.FindAllStringSubmatch(string(text), -1) {
		words = append(words, amxWord{match[2], match[1], match[3], match[4]})
	}
	if macros := strings.Count(string(text), "#define"); len(words) != macros || macros == 0 {
		t.Fatalf("words_amx_amd64.h has %d macros, of which %d read as expected", macros, len(words))
	}
	return words
}

// encode is what Go's assembler makes of the macro: its expressions are Go's.
func (w amxWord) encode(t *testing.T, registers map[string]int) []byte {
	t.Helper()
	code := []byte{0xc4}
	code = binary.LittleEndian.AppendUint32(code, uint32(evaluate(t, w.word, registers)))
	if w.last != "" {
		code = append(code, byte(evaluate(t, w.last, registers)))
	}
	return code
}

func evaluate(t *testing.T, expression string, registers map[string]int) uint64 {
	t.Helper()
	for letter, n := range registers {
		expression = strings.ReplaceAll(expression, "("+letter+")", strconv.Itoa(n))
	}
	v, err := types.Eval(token.NewFileSet(), nil, token.NoPos, expression)
	if err != nil {
		t.Fatalf("%s: %v", expression, err)
	}
	n, exact := constant.Uint64Val(v.Value)
	if !exact {
		t.Fatalf("%s is %s", expression, v.Value)
	}
	return n
}

var generalRegisters = strings.Fields("rax rcx rdx rbx rsp rbp rsi rdi r8 r9 r10 r11 r12 r13 r14 r15")

// assembly is the instruction for given registers.
func (w amxWord) assembly(registers map[string]int) string {
	return regexp.MustCompile(`\b(tmm|r)([bidmn])\b`).ReplaceAllStringFunc(w.mnemonic, func(r string) string {
		n := registers[r[len(r)-1:]]
		if strings.HasPrefix(r, "tmm") {
			return "tmm" + strconv.Itoa(n)
		}
		return generalRegisters[n]
	})
}

// amxRegisters are those that the tests try: first and last of each kind.
var amxRegisters = []map[string]int{
	{"b": 0, "i": 0, "d": 0, "m": 0, "n": 0},
	{"b": 14, "i": 15, "d": 7, "m": 7, "n": 7},
	{"b": 6, "i": 9, "d": 5, "m": 2, "n": 1},
	{"b": 11, "i": 3, "d": 1, "m": 6, "n": 3},
}

func TestAMXWordsMatchTheirMnemonics(t *testing.T) {
	t.Parallel()
	for _, w := range readAMXWords(t) {
		for _, r := range amxRegisters {
			mnemonic, _, _ := strings.Cut(w.mnemonic, " ")
			form, ok := amxForms[mnemonic]
			if !ok {
				t.Fatalf("%s: unknown mnemonic %q", w.name, mnemonic)
			}
			if got, want := w.encode(t, r), form.encode(r); string(got) != string(want) {
				t.Errorf("%s: bytes %x, but %q is %x", w.name, got, w.assembly(r), want)
			}
		}
	}
}

// amxForm is an instruction of map 0F38, 128 bits, W0: Intel's manual, volume 2.
type amxForm struct {
	prefix, opcode byte // prefix: 0 none, 1 66, 2 F3, 3 F2
	operands       string
}

var amxForms = map[string]amxForm{
	"ldtilecfg":   {0, 0x49, "address"},
	"tilerelease": {0, 0x49, "none"},
	"tilezero":    {3, 0x49, "tile"},
	"tileloadd":   {3, 0x4b, "tile and sib"},
	"tilestored":  {2, 0x4b, "tile and sib"},
	"tdpbssd":     {3, 0x5e, "tiles"},
	"tdpbsud":     {2, 0x5e, "tiles"},
}

// encode: registers stand in ModRM and SIB by their three low bits, the fourth is
// inverted in R, X and B; so is vvvv, which is 1111 where it is not used.
func (f amxForm) encode(r map[string]int) []byte {
	var x, b, vvvv int
	var tail []byte
	switch f.operands {
	case "address":
		b, tail = r["b"]>>3, []byte{byte(r["b"] & 7)}
	case "none":
		tail = []byte{3 << 6}
	case "tile":
		tail = []byte{byte(3<<6 | r["d"]<<3)}
	case "tiles":
		vvvv, tail = r["n"], []byte{byte(3<<6 | r["d"]<<3 | r["m"])}
	case "tile and sib":
		b, x = r["b"]>>3, r["i"]>>3
		tail = []byte{byte(r["d"]<<3 | 4), byte(r["i"]&7<<3 | r["b"]&7)}
	}
	return append([]byte{0xc4, byte(1<<7 | (1-x)<<6 | (1-b)<<5 | 2), byte(15-vvvv)<<3 | f.prefix, f.opcode}, tail...)
}
