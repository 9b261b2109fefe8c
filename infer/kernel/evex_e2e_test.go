//go:build e2e && amd64

package kernel

import (
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var (
	listedFunction = regexp.MustCompile(`^[0-9a-f]+ <\S*infer/kernel\.(\w+)\.abi0>:$`)
	listedEVEX     = regexp.MustCompile(`^\s*[0-9a-f]+:\s+62 `)
)

// Go's assembler quietly takes the EVEX form where it knows no other, and a
// machine with AVX-512 would not notice: only functions named after it may
// have any. 62 begins every EVEX instruction and, in 64-bit mode, no other.
func TestEVEXOnlyWithAVX512(t *testing.T) {
	binary := filepath.Join(t.TempDir(), "kernel.test") // what runs here has no symbols
	if out, err := exec.Command("go", "test", "-c", "-o", binary, ".").CombinedOutput(); err != nil {
		t.Fatalf("go test -c: %v\n%s", err, out)
	}
	listing, err := exec.Command("llvm-objdump", "-d", binary).Output()
	if err != nil {
		t.Fatalf("llvm-objdump (Debian's llvm): %v", err)
	}
	name, seen, with := "", map[string]bool{}, map[string]bool{}
	for line := range strings.Lines(string(listing)) {
		line = strings.TrimRight(line, "\n")
		if strings.HasSuffix(line, ">:") {
			name = ""
			if match := listedFunction.FindStringSubmatch(line); match != nil {
				name = match[1]
				seen[name] = true
			}
		} else if name != "" && listedEVEX.MatchString(line) {
			with[name] = true
		}
	}
	if !with["tile32x16AVX512"] || !seen["tile32x16AVXVNNI"] {
		t.Fatalf("the listing has %d functions of this package, but not both known ones", len(seen))
	}
	for name := range with {
		if !strings.Contains(name, "512") {
			t.Errorf("%s has EVEX instructions", name)
		}
	}
}
