package grammar

import (
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// The table of keywords in docs/api.md and its list of formats are those of the code.
func TestDocumentedKeywords(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../docs/api.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(page), "### Structured output")
	section, _, _ = strings.Cut(section, "### Streaming")
	name := regexp.MustCompile("`([^`]+)`")
	names := func(text string) (all []string) {
		for _, m := range name.FindAllStringSubmatch(text, -1) {
			all = append(all, m[1])
		}
		slices.Sort(all)
		return all
	}
	first := ""
	for line := range strings.SplitSeq(section, "\n") {
		if cells := strings.Split(line, "|"); len(cells) > 2 {
			first += cells[1]
		}
	}
	if got, want := names(first), slices.Sorted(maps.Keys(keywordTable())); !slices.Equal(got, want) {
		t.Errorf("documented are %q, there are %q", got, want)
	}
	_, list, _ := strings.Cut(section, "Formats: ")
	if got, want := names(list), slices.Sorted(maps.Keys(formats)); !slices.Equal(got, want) {
		t.Errorf("documented are the formats %q, there are %q", got, want)
	}
}
