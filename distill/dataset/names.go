package dataset

import (
	"embed"
	"fmt"
	"io/fs"
	"strings"
)

//go:embed data
var ownData embed.FS

// names are our own lists of what people call their devices, rooms, people,
// songs and errands. They fill {name}, {area}, {floor} and the wildcards of
// every template, ours and Home Assistant's.
type names struct {
	*book
	made phrases
}

func readNames(lang string) (*names, error) {
	b, err := readBook(ownData, lang, sourceNames, "data/"+lang+"/names")
	if err != nil {
		return nil, fmt.Errorf("own names: %w", err)
	}
	n := &names{book: b}
	texts, err := ownTexts(lang)
	n.made = newPhrases(lang, texts)
	return n, err
}

// ownTexts are our own grammar files of a language, as a source of words.
func ownTexts(lang string) ([]string, error) {
	var texts []string
	err := fs.WalkDir(ownData, "data/"+lang, func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := fs.ReadFile(ownData, name)
		texts = append(texts, string(text))
		return err
	})
	return texts, err
}

// name is the list of device names for the first kind that has one;
// "sensor.power" falls back to "sensor", and no kind at all to "any".
func (n *names) name(kind string) *list {
	for kind != "" {
		if l, ok := n.lists["name."+kind]; ok {
			return l
		}
		i := strings.LastIndexByte(kind, '.')
		if i < 0 {
			break
		}
		kind = kind[:i]
	}
	return n.lists["name.any"]
}

// words is the lexicon of one template: its own lists, our names, then the
// lists of its book. It draws among the kinds when there are several.
type words struct {
	t     *template
	book  *book
	names *names
	pick  func(n int) int
}

func (w words) list(name string, kinds []string) *list {
	if name == "name" {
		kind := "any"
		if len(kinds) > 0 {
			kind = w.kind(kinds)
		}
		return w.names.name(kind)
	}
	if l, ok := w.t.lists[name]; ok {
		return l
	}
	if l, ok := w.names.lists[name]; ok {
		return l
	}
	return w.book.lists[name]
}

// kind draws one kind; kinds with a device class come first and win.
func (w words) kind(kinds []string) string {
	if strings.Contains(kinds[0], ".") {
		return kinds[0]
	}
	return kinds[w.pick(len(kinds))]
}
