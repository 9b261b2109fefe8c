package privacy

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// example is a text with what is to be found in it.
type example struct {
	text string
	want []Finding
}

var marked = regexp.MustCompile(`\[\[([a-z]+):(.*?)\]\]`)

// parseExample reads a line of the corpus.
func parseExample(line string) example {
	var e example
	var b strings.Builder
	last := 0
	for _, m := range marked.FindAllStringSubmatchIndex(line, -1) {
		b.WriteString(line[last:m[0]])
		from := b.Len()
		b.WriteString(line[m[4]:m[5]])
		e.want = append(e.want, Finding{Category(line[m[2]:m[3]]), from, b.Len()})
		last = m[1]
	}
	b.WriteString(line[last:])
	e.text = b.String()
	return e
}

func readCorpus(t testing.TB, file string) []example {
	t.Helper()
	f, err := os.Open(filepath.Join("testdata", "corpus", file))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var all []example
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if line := lines.Text(); line != "" && !strings.HasPrefix(line, "# ") {
			all = append(all, parseExample(line))
		}
	}
	return all
}

// tally counts of one category: what there is, how much of it was found whole, what
// was found, and how much of that was right.
type tally struct{ there, whole, found, right int }

func (c tally) recall() float64    { return ratio(c.whole, c.there) }
func (c tally) precision() float64 { return ratio(c.right, c.found) }

func ratio(a, b int) float64 {
	if b == 0 {
		return 1
	}
	return float64(a) / float64(b)
}

// score compares by category. What is there counts as found if no character of it
// is left over, and a finding as right if it has something of what is there.
func score(counts map[Category]*tally, e example, report func(string)) {
	got, err := Find(e.text)
	if err != nil {
		report(err.Error())
	}
	for _, w := range e.want {
		counts[w.Category].there++
		left := w.From
		for _, g := range got {
			if g.Category == w.Category && g.From <= left && g.To > left {
				left = g.To
			}
		}
		if left >= w.To {
			counts[w.Category].whole++
		} else {
			report(fmt.Sprintf("missed %s %q in %q", w.Category, e.text[w.From:w.To], e.text))
		}
	}
	for _, g := range got {
		counts[g.Category].found++
		right := false
		for _, w := range e.want {
			right = right || w.Category == g.Category && w.From < g.To && g.From < w.To
		}
		if right {
			counts[g.Category].right++
		} else {
			report(fmt.Sprintf("wrong %s %q in %q", g.Category, e.text[g.From:g.To], e.text))
		}
	}
}

// corpora are those that the rules were made with, and those that were written after
// and changed nothing, with the least precision and recall of all their findings
// together and of each category with at least five values.
var corpora = []struct {
	name   string
	files  []string
	all    floor
	single floor
}{
	{"made with", []string{"en.txt", "zh.txt"}, floor{0.98, 0.98}, floor{0.95, 0.95}},
	{"held out", []string{"heldout-en.txt", "heldout-zh.txt"}, floor{0.97, 0.92}, floor{0.9, 0.8}},
}

type floor struct{ precision, recall float64 }

func (f floor) holds(n tally) bool { return n.precision() >= f.precision && n.recall() >= f.recall }

// TestCorpus prints the table of docs/privacy.md:
//
//	go test -run TestCorpus -v ./router/privacy
func TestCorpus(t *testing.T) {
	t.Parallel()
	for _, corpus := range corpora {
		total := tally{}
		var table strings.Builder
		fmt.Fprintf(&table, "%s\n| category | values | found | precision | recall |\n|---|---|---|---|---|\n", corpus.name)
		counts := map[Category]*tally{}
		for _, c := range Categories {
			counts[c] = &tally{}
		}
		for _, file := range corpus.files {
			for _, e := range readCorpus(t, file) {
				score(counts, e, func(s string) { t.Log(s) })
			}
		}
		for _, c := range Categories {
			n := *counts[c]
			n.addTo(&total)
			n.row(&table, string(c))
			if n.there >= 5 && !corpus.single.holds(n) {
				t.Errorf("%s: %s has precision %.3f and recall %.3f, at least %.3f", corpus.name, c, n.precision(), n.recall(), corpus.single)
			}
		}
		total.row(&table, "all")
		if !corpus.all.holds(total) {
			t.Errorf("%s: precision %.3f and recall %.3f, at least %.3f", corpus.name, total.precision(), total.recall(), corpus.all)
		}
		t.Log(table.String())
	}
}

func (c tally) addTo(sum *tally) {
	sum.there, sum.whole, sum.found, sum.right = sum.there+c.there, sum.whole+c.whole, sum.found+c.found, sum.right+c.right
}

func (c tally) row(table *strings.Builder, name string) {
	fmt.Fprintf(table, "| %s | %d | %d | %.1f%% | %.1f%% |\n", name, c.there, c.found, 100*c.precision(), 100*c.recall())
}
