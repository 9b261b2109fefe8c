package kernel

import (
	"encoding/binary"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// vexWord is one macro of words_amd64.h: the prefix C4 and a 32-bit word that
// has all three registers' bits flipped in.
type vexWord struct {
	name     string
	mnemonic string // of the comment, e.g. "vpdpbusd ymmd, ymmn, ymmm"
	base     uint32
}

func (w vexWord) encode(m, n, d uint32) []byte {
	word := w.base ^ (m&7)<<24 ^ (m>>3)<<5 ^ n<<11 ^ (d&7)<<27 ^ (d>>3)<<7
	return binary.LittleEndian.AppendUint32([]byte{0xc4}, word)
}

// assembly is the instruction for given registers.
func (w vexWord) assembly(m, n, d uint32) string {
	number := strings.NewReplacer("ymmd", "ymm"+strconv.Itoa(int(d)), "ymmn", "ymm"+strconv.Itoa(int(n)), "ymmm", "ymm"+strconv.Itoa(int(m)))
	return number.Replace(w.mnemonic)
}

var vexMacro = regexp.MustCompile(`// (\S+ ymmd, ymmn, ymmm)\n#define (\w+)\(m, n, d\) BYTE \$0xc4; LONG \$\((0x[0-9a-f]{8})` +
	regexp.QuoteMeta(` ^ ((m)&7)<<24 ^ ((m)>>3)<<5 ^ (n)<<11 ^ ((d)&7)<<27 ^ ((d)>>3)<<7)`) + "\n")

func readVexWords(t *testing.T) []vexWord {
	text, err := os.ReadFile("words_amd64.h")
	if err != nil {
		t.Fatal(err)
	}
	var words []vexWord
	for _, match := range vexMacro.FindAllStringSubmatch(string(text), -1) {
		base, err := strconv.ParseUint(match[3], 0, 32)
		if err != nil {
			t.Fatal(err)
		}
		words = append(words, vexWord{match[2], match[1], uint32(base)})
	}
	if macros := strings.Count(string(text), "#define"); len(words) != macros || macros == 0 {
		t.Fatalf("words_amd64.h has %d macros, of which %d read as expected", macros, len(words))
	}
	return words
}

func TestVexWordsMatchTheirMnemonics(t *testing.T) {
	t.Parallel()
	for _, w := range readVexWords(t) {
		for _, r := range [][3]uint32{{0, 0, 0}, {15, 0, 0}, {0, 15, 0}, {0, 0, 15}, {1, 0, 2}, {7, 8, 9}} {
			mnemonic, _, _ := strings.Cut(w.mnemonic, " ")
			opcode, ok := vexOpcodes[mnemonic]
			if !ok {
				t.Fatalf("%s: unknown mnemonic %q", w.name, mnemonic)
			}
			if got, want := w.encode(r[0], r[1], r[2]), vex(opcode, r[0], r[1], r[2]); string(got) != string(want) {
				t.Errorf("%s: bytes %x, but %q is %x", w.name, got, w.assembly(r[0], r[1], r[2]), want)
			}
		}
	}
}

// vexOpcodes are those of map 0F38 with prefix 66 and W0, from Intel's manual.
var vexOpcodes = map[string]byte{"vpdpbusd": 0x50}

// vex encodes an instruction on three ymm registers: Intel's manual, volume 2,
// section 2.3.5, the three-byte form. R, X, B and vvvv are stored inverted.
func vex(opcode byte, m, n, d uint32) []byte {
	const map0F38, prefix66, long = 2, 1, 1 << 2
	r, x, b := byte(1-d>>3), byte(1), byte(1-m>>3)
	return []byte{
		0xc4,
		r<<7 | x<<6 | b<<5 | map0F38,
		byte(15-n)<<3 | long | prefix66,
		opcode,
		3<<6 | byte(d&7)<<3 | byte(m&7),
	}
}

// All words stand in the header, where the test above sees them.
func TestNoOtherVexWords(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("*_amd64.s")
	if err != nil || len(files) == 0 {
		t.Fatalf("no assembly found: %v", err)
	}
	words := regexp.MustCompile(`\b(BYTE|WORD|LONG)\b`)
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if found := words.Find(text); found != nil {
			t.Errorf("%s has a %s of its own", file, found)
		}
	}
}
