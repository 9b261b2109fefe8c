//go:build e2e

package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// output runs cusp in this process and returns what it prints.
func output(t *testing.T, args ...string) string {
	t.Helper()
	var out, errOut bytes.Buffer
	if status := run(args, strings.NewReader(""), &out, &errOut); status != 0 {
		t.Fatalf("cusp %s: status %d: %s", strings.Join(args, " "), status, &errOut)
	}
	return out.String()
}

func shell(t *testing.T, name string, args ...string) string {
	t.Helper()
	out, err := exec.Command(name, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
	return string(out)
}

// completions are what every shell has to offer behind a line.
var completions = []struct {
	line string
	want []string // some of what is offered
	only bool     // and no more
}{
	{"cusp doc", []string{"doctor"}, true},
	{"cusp model ", []string{"convert", "inspect", "install", "rollback", "verify"}, false},
	{"cusp pack daemon --arch ", []string{"amd64", "arm64"}, true},
	{"cusp model convert --type q4_k", []string{"q4_k", "q4_k_m"}, true},
	{"cusp completion ", []string{"bash", "fish", "zsh"}, true},
	{"cusp status --ev", []string{"--every"}, true},
	{"cusp distill --rec", []string{"--recipe"}, true},
}

func wantOffered(t *testing.T, line string, got, want []string, only bool) {
	t.Helper()
	slices.Sort(got)
	if only && !slices.Equal(got, want) {
		t.Errorf("%q: offered are %q, want %q", line, got, want)
	}
	for _, w := range want {
		if !slices.Contains(got, w) {
			t.Errorf("%q: %q is not offered, but %q", line, w, got)
		}
	}
}

func TestBash(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := filepath.Join(dir, "cusp.bash")
	must(t, os.WriteFile(file, []byte(output(t, "completion", "bash")), 0o644))
	complete := func(line string) []string {
		words := strings.Fields(line)
		if strings.HasSuffix(line, " ") {
			words = append(words, "")
		}
		const ask = `source "$0"; COMP_WORDS=("$@"); COMP_CWORD=$(( $# - 1 )); _cusp; printf '%s\n' "${COMPREPLY[@]}"`
		out := shell(t, "bash", append([]string{"--norc", "-c", ask, file}, words...)...)
		return strings.Split(strings.TrimSpace(out), "\n")
	}
	for _, c := range completions {
		wantOffered(t, c.line, complete(c.line), c.want, c.only)
	}
	// bash splits at =.
	wantOffered(t, "--arch=am", complete("cusp pack daemon --arch = am"), []string{"amd64"}, true)
	// Files, with spaces in their names too; and directories alone where only they will do.
	must(t, os.WriteFile(filepath.Join(dir, "a b.gguf"), nil, 0o644))
	must(t, os.Mkdir(filepath.Join(dir, "a dir"), 0o755))
	wantOffered(t, "file", complete("cusp model inspect "+filepath.Join(dir, "a")), []string{filepath.Join(dir, "a b.gguf"), filepath.Join(dir, "a dir")}, true)
	wantOffered(t, "directory", complete("cusp pack repo "+filepath.Join(dir, "a")), []string{filepath.Join(dir, "a dir")}, true)
}

func TestFish(t *testing.T) {
	t.Parallel()
	home := t.TempDir()
	file := filepath.Join(home, "cusp.fish")
	must(t, os.WriteFile(file, []byte(output(t, "completion", "fish")), 0o644))
	for _, c := range completions {
		cmd := exec.Command("fish", "--no-config", "-c", fmt.Sprintf("source %s; complete -C '%s'", file, c.line))
		cmd.Env = append(os.Environ(), "HOME="+home, "XDG_CONFIG_HOME="+home, "XDG_DATA_HOME="+home)
		out, err := cmd.Output()
		must(t, err)
		var got []string
		for line := range strings.Lines(string(out)) {
			word, _, _ := strings.Cut(strings.TrimSpace(line), "\t")
			got = append(got, word)
		}
		wantOffered(t, c.line, got, c.want, c.only)
	}
}

// zshAsks presses Tab in an interactive zsh on a terminal of its own, with a
// completion system that writes what it would offer instead of showing it.
const zshAsks = `
zmodload zsh/zpty
zpty asked zsh -f -i
zpty -w asked "fpath=($1 \$fpath); autoload -U compinit; compinit -u -D
compadd () { [[ \${@[1,(i)(-|--)]} == *-(O|A|D)\ * ]] && { builtin compadd \"\$@\"; return }; typeset -a _hits; builtin compadd -A _hits \"\$@\"; print -r -- \"hits \$_hits\" >> $2; builtin compadd \"\$@\" }
PS1=READY; print -r BEGIN > $2"
while [[ ! -s $2 ]]; do sleep 0.05; done
zpty -w -n asked "$3"$'\t'
zpty -w -n asked $'\x15'
zpty -w asked "print -r END >> $2"
for i in {1..200}; do grep -q END $2 && break; sleep 0.05; zpty -r -t asked >/dev/null; done
zpty -d asked
`

func TestZsh(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	must(t, os.WriteFile(filepath.Join(dir, "_cusp"), []byte(output(t, "completion", "zsh")), 0o644))
	shell(t, "zsh", "-n", filepath.Join(dir, "_cusp"))
	for i, c := range completions {
		heard := filepath.Join(dir, fmt.Sprint("heard", i))
		shell(t, "zsh", "-f", "-c", zshAsks, "zsh", dir, heard, c.line)
		text, err := os.ReadFile(heard)
		must(t, err)
		var got []string
		for line := range strings.Lines(string(text)) {
			words, is := strings.CutPrefix(line, "hits ")
			for _, word := range strings.Fields(words) {
				if is {
					got = append(got, strings.TrimSuffix(word, "="))
				}
			}
		}
		wantOffered(t, c.line, slices.Compact(slices.Sorted(slices.Values(got))), c.want, c.only)
	}
}

// The pages are good ones to mandoc, which looks closely, and to man.
func TestPages(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	output(t, "man", dir)
	pages, err := filepath.Glob(filepath.Join(dir, "cusp*"))
	must(t, err)
	if len(pages) < 15 {
		t.Fatalf("only %d pages", len(pages))
	}
	if out := shell(t, "mandoc", append([]string{"-Tlint", "-W", "warning"}, pages...)...); out != "" {
		t.Errorf("mandoc: %s", out)
	}
	for _, page := range pages {
		cmd := exec.Command("man", "--warnings", "-l", page)
		cmd.Env = append(os.Environ(), "MANWIDTH=80", "LC_ALL=C.UTF-8", "MANPAGER=cat")
		var said bytes.Buffer
		cmd.Stderr = &said
		text, err := cmd.Output()
		must(t, err)
		if said.Len() > 0 || !bytes.Contains(text, []byte("SEE ALSO")) {
			t.Errorf("man %s: %s\n%s", page, &said, text)
		}
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
