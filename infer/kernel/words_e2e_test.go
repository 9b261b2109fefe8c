//go:build e2e

package kernel

import (
	"fmt"
	"os/exec"
	"strings"
	"testing"
)

// TestWordsMatchLLVM compares with an assembler that others wrote; llvm-mc is
// in Debian's package llvm.
func TestWordsMatchLLVM(t *testing.T) {
	for _, w := range readWords(t) {
		asm := w.assembly(5, 10, 21)
		cmd := exec.Command("llvm-mc", "-triple=aarch64", "-mattr=+dotprod,+i8mm", "-show-encoding")
		cmd.Stdin = strings.NewReader(asm + "\n")
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%s: %v\n%s", asm, err, out)
		}
		c := w.encode(5, 10, 21)
		want := fmt.Sprintf("encoding: [0x%02x,0x%02x,0x%02x,0x%02x]", c&255, c>>8&255, c>>16&255, c>>24)
		if !strings.Contains(string(out), want) {
			t.Errorf("%s: our %s, llvm-mc says\n%s", asm, want, out)
		}
	}
}

func TestVexWordsMatchLLVM(t *testing.T) {
	for _, w := range readVexWords(t) {
		asm := w.assembly(5, 10, 9)
		cmd := exec.Command("llvm-mc", "-triple=x86_64", "-mattr=+avxvnni", "-output-asm-variant=1", "-show-encoding")
		cmd.Stdin = strings.NewReader(".intel_syntax noprefix\n{vex} " + asm + "\n")
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%s: %v\n%s", asm, err, out)
		}
		c := w.encode(5, 10, 9)
		want := fmt.Sprintf("encoding: [0x%02x,0x%02x,0x%02x,0x%02x,0x%02x]", c[0], c[1], c[2], c[3], c[4])
		if !strings.Contains(string(out), want) {
			t.Errorf("%s: our %s, llvm-mc says\n%s", asm, want, out)
		}
	}
}

func TestAMXWordsMatchLLVM(t *testing.T) {
	for _, w := range readAMXWords(t) {
		for _, r := range amxRegisters {
			asm := w.assembly(r)
			cmd := exec.Command("llvm-mc", "-triple=x86_64", "-mattr=+amx-tile,+amx-int8", "-output-asm-variant=1", "-show-encoding")
			cmd.Stdin = strings.NewReader(".intel_syntax noprefix\n" + asm + "\n")
			out, err := cmd.CombinedOutput()
			if err != nil {
				t.Fatalf("%s: %v\n%s", asm, err, out)
			}
			var want []string
			for _, b := range w.encode(t, r) {
				want = append(want, fmt.Sprintf("0x%02x", b))
			}
			if list := "encoding: [" + strings.Join(want, ",") + "]"; !strings.Contains(string(out), list) {
				t.Errorf("%s: our %s, llvm-mc says\n%s", asm, list, out)
			}
		}
	}
}
