package api

import (
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/a472be26/cusp/router"
)

// tables are the names in the first columns of the tables of a page, by the
// heading above.
func tables(t *testing.T, page string) map[string][]string {
	t.Helper()
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	all, heading := map[string][]string{}, ""
	name := regexp.MustCompile("`([^`]+)`")
	for line := range strings.SplitSeq(string(text), "\n") {
		if title, ok := strings.CutPrefix(strings.TrimLeft(line, "#"), " "); ok && line[0] == '#' {
			heading = title
		}
		if cells := strings.Split(line, "|"); len(cells) > 2 && cells[0] == "" {
			for _, m := range name.FindAllStringSubmatch(cells[1], -1) {
				all[heading] = append(all[heading], m[1])
			}
		}
	}
	return all
}

// tags are the names of a struct's members in JSON.
func tags(of any) (all []string) {
	for _, f := range reflect.VisibleFields(reflect.TypeOf(of)) {
		if name, _, _ := strings.Cut(f.Tag.Get("json"), ","); name != "" {
			all = append(all, name)
		}
	}
	return all
}

// codes are those of errors in the source of this package and of the daemon.
func codes(t *testing.T) []string {
	t.Helper()
	all := map[string]bool{}
	files, _ := filepath.Glob("*.go")
	more, _ := filepath.Glob("../*.go")
	for _, file := range append(files, more...) {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		for _, m := range regexp.MustCompile(`Code(?::| =|, e\.Code =) "([a-z_]+)"|"code":"([a-z_]+)"|e\.Param, e\.Code = "[a-z]+", "([a-z_]+)"`).FindAllStringSubmatch(string(text), -1) {
			all[m[1]+m[2]+m[3]] = true
		}
	}
	delete(all, "server_error") // of a response that failed, which is no error's
	return slices.Collect(maps.Keys(all))
}

// What docs/api.md lists is what there is.
func TestDocumented(t *testing.T) {
	t.Parallel()
	page := tables(t, "../../docs/api.md")
	o := options(&script{})
	o.Metrics = http.NotFoundHandler()
	sampling := page["Sampling"]
	for heading, c := range map[string]struct{ documented, there []string }{
		"Endpoints":        {page["Endpoints"], slices.Collect(maps.Keys(New(o).routes()))},
		"Chat completions": {append(page["Chat completions"], sampling...), tags(wireRequest{})},
		"Completions":      {append(page["Completions"], sampling...), tags(wireCompletion{})},
		"Responses":        {page["Responses"], tags(wireResponse{})},
		"Embeddings":       {page["Embeddings"], tags(wireEmbedding{})},
		"Classify":         {page["Classify"], tags(wireClassify{})},
		"Receipts":         {page["Receipts"], append(tags(router.Receipt{}), tags(extension{})...)},
		"Errors":           {page["Errors"], codes(t)},
	} {
		slices.Sort(c.documented)
		slices.Sort(c.there)
		if !slices.Equal(c.documented, c.there) {
			t.Errorf("%s: documented are %q, there are %q", heading, c.documented, c.there)
		}
	}
}
