//go:build e2e

package dataset

import (
	"os"
	"path/filepath"
	"testing"
)

// dataDir is the folder of the public data sets; the e2e tests need it.
func dataDir(t *testing.T) string {
	t.Helper()
	dir := os.Getenv("CUSP_DATA")
	if dir == "" {
		t.Fatal("CUSP_DATA is not set: point it at the folder that holds intents/home_assistant and intents/clinc150")
	}
	return dir
}

// Every sentence template of Home Assistant parses, finds words for all its
// lists, and gives examples.
func TestEveryHassTemplate(t *testing.T) {
	root := os.DirFS(filepath.Join(dataDir(t), hassDir))
	for lang, least := range map[string]int{English: 600, Chinese: 110} {
		own, err := readNames(lang)
		if err != nil {
			t.Fatal(err)
		}
		b, err := readBook(root, lang, SourceHass, "rules/"+lang, "lists/"+lang, "sentences/"+lang)
		if err != nil {
			t.Fatal(err)
		}
		if len(b.templates) < least {
			t.Errorf("%s: %d templates, want at least %d", lang, len(b.templates), least)
		}
		for i := range b.templates {
			build := &builder{o: Options{Seed: 1}, seen: map[string]bool{}}
			if n, err := build.drawTemplate(&b.templates[i], b, own, 5, 0); err != nil || n == 0 {
				t.Errorf("%s: %d examples, %v", b.templates[i].id, n, err)
			}
		}
	}
}

func TestPublicDeclines(t *testing.T) {
	dir := dataDir(t)
	got, err := declines(dir)
	if err != nil {
		t.Fatal(err)
	}
	count := map[string]int{}
	for _, e := range got {
		count[e.Source]++
	}
	for _, source := range []string{"clinc150", "hwu64", "snips"} {
		if count[source] < 1000 {
			t.Errorf("%s: %d texts", source, count[source])
		}
	}
	foreign, err := OutOfDomain(dir)
	if err != nil || len(foreign) < 2000 {
		t.Errorf("%d foreign validation texts, %v", len(foreign), err)
	}
	train := map[string]bool{}
	for _, e := range got {
		train[fold(e.Text)] = true
	}
	for _, text := range foreign {
		if train[fold(text)] {
			t.Errorf("validation text %q is a training text", text)
		}
	}
}
