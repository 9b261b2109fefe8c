package infer

import (
	"os"
	"regexp"
	"slices"
	"strconv"
	"testing"
)

// What is let go is only what nobody has written to.
func TestUnwrittenMappings(t *testing.T) {
	t.Parallel()
	mapping := func(head, anonymous string) string {
		return head + "\nSize:   8 kB\nRss:    8 kB\nAnonymous:         " + anonymous + " kB\nVmFlags: rd mr mw me sd\n"
	}
	smaps := mapping("00400000-00402000 r--p 00000000 fe:00 9986378                            /usr/bin/a program", "0") +
		mapping("00402000-01da0000 r-xp 00002000 fe:00 9986378                            /usr/bin/a program", "0") +
		mapping("01da0000-0456b000 r--p 019a0000 fe:00 9986378                            /usr/bin/a program", "4") +
		mapping("0456b000-0456c000 rw-p 0416a000 fe:00 9986378                            /usr/bin/a program", "0") +
		mapping("0456c000-0456d000 r--p 0416a000 fe:00 9986379                            /usr/bin/another program", "0") +
		mapping("0456d000-0456e000 r--p 00000000 00:00 0 ", "0") +
		"zz-yy r--p 00000000 fe:00 1 /usr/bin/a program\nAnonymous: 0 kB\nAnonymous: 0 kB\n"
	var got [][2]uintptr
	for _, m := range unwritten([]byte(smaps), "/usr/bin/a program") {
		got = append(got, [2]uintptr{m.From, m.To})
	}
	if want := [][2]uintptr{{0x400000, 0x402000}, {0x402000, 0x1da0000}}; !slices.Equal(got, want) {
		t.Errorf("%x, want %x", got, want)
	}
}

// The program has less in memory afterwards, and goes on.
func TestTrimProgram(t *testing.T) {
	resident := func() int {
		t.Helper()
		status, err := os.ReadFile("/proc/self/status")
		if err != nil {
			t.Fatal(err)
		}
		m := regexp.MustCompile(`RssFile:\s+(\d+) kB`).FindSubmatch(status)
		if m == nil {
			t.Fatalf("no RssFile in %s", status)
		}
		n, _ := strconv.Atoi(string(m[1]))
		return n
	}
	before := resident()
	TrimProgram()
	if after := resident(); after >= before {
		t.Errorf("%d kB of files before, %d after", before, after)
	}
	f, e := newFake(t, false, Options{})
	r := f.ask(t.Context(), count(1, 20), 5)
	f.good(r, 5)
	if e.Stats().Generated != 5 {
		t.Error("the engine does not go on")
	}
}
