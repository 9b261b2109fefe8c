package router

import (
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// The reasons that docs/api.md lists are those of receipts.
func TestDocumentedReasons(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../docs/api.md")
	if err != nil {
		t.Fatal(err)
	}
	_, list, _ := strings.Cut(string(page), "\nReasons: ")
	list, _, _ = strings.Cut(list, ". `cusp why")
	var got []string
	for _, m := range regexp.MustCompile("`([a-z_]+)`").FindAllStringSubmatch(list, -1) {
		got = append(got, m[1])
	}
	var want []string
	for reason := range maps.Keys(meaning) {
		want = append(want, string(reason))
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("documented are %q, there are %q", got, want)
	}
}
