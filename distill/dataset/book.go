package dataset

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"
)

// book holds the templates of one language from one source.
type book struct {
	lang      string
	source    string
	rules     map[string]string
	lists     map[string]*list
	templates []template
	skipped   int // templates that say nothing in this language
}

// template is one sentence template with what it means.
type template struct {
	id     string // source/file#block.sentence, stable
	source string
	lang   string
	intent string
	root   node
	slots  Slots    // given by the block, not by the words
	kinds  []string // which names may stand in {name}, most wanted first
	lists  map[string]*list
	weight float64 // 1 unless the block says otherwise
}

// rawBlock is one entry of "data" in a sentence file.
type rawBlock struct {
	Sentences       []string           `yaml:"sentences"`
	Slots           map[string]any     `yaml:"slots"`
	Rules           map[string]string  `yaml:"expansion_rules"`
	Lists           map[string]rawList `yaml:"lists"`
	RequiresContext map[string]any     `yaml:"requires_context"`
	NameDomains     []string           `yaml:"name_domains"`
	InferredDomain  string             `yaml:"inferred_domain"`
	Weight          float64            `yaml:"weight"`
}

// rawFile is a sentence, rule or list file. Data stands at the top level in
// files whose folder is named after the intent.
type rawFile struct {
	Language string `yaml:"language"`
	Intents  map[string]struct {
		Data []rawBlock `yaml:"data"`
	} `yaml:"intents"`
	Data  []rawBlock         `yaml:"data"`
	Rules map[string]string  `yaml:"expansion_rules"`
	Lists map[string]rawList `yaml:"lists"`
}

// ownRules replaces rules whose Home Assistant form would teach nonsense or
// two meanings for one text: 停止计时器 cancels, it does not pause; an
// empty word for "hour" makes "1计时器", "lamp" belongs to names, and our floors
// already say "floor".
var ownRules = map[string]map[string]string{
	English: {"light": "(light|lights|lighting|lamps)", "floor": "[<the>] {floor}"},
	Chinese: {"hour": "(小时|钟头|个钟头|个小时)", "pause": "暂停[播放]"},
}

// readBook reads every .yaml file under the folders of fsys. Files of rules and
// lists first, whatever their names, so that order does not matter.
func readBook(fsys fs.FS, lang, source string, folders ...string) (*book, error) {
	files := map[string]rawFile{}
	for _, folder := range folders {
		if err := readYAML(fsys, folder, files); err != nil {
			return nil, err
		}
	}
	b := &book{lang: lang, source: source, rules: map[string]string{}, lists: map[string]*list{}}
	names := slices.Sorted(maps.Keys(files))
	for _, name := range names {
		maps.Copy(b.rules, files[name].Rules)
	}
	maps.Copy(b.rules, ownRules[lang])
	for _, name := range names {
		compiled, err := b.compileLists(files[name].Lists, b.rule)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		maps.Copy(b.lists, compiled)
	}
	for _, name := range names {
		if err := b.addFile(name, files[name]); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
	}
	return b, nil
}

func readYAML(fsys fs.FS, folder string, into map[string]rawFile) error {
	err := fs.WalkDir(fsys, folder, func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || path.Ext(name) != ".yaml" {
			return err
		}
		data, err := fs.ReadFile(fsys, name)
		if err != nil {
			return err
		}
		var f rawFile
		if err := yaml.Unmarshal(data, &f); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		into[name] = f
		return nil
	})
	if errors.Is(err, fs.ErrNotExist) {
		return nil // a language need not have rules or lists of its own
	}
	return err
}

func (b *book) rule(name string) (string, bool) {
	body, ok := b.rules[name]
	return body, ok
}

func (b *book) compileLists(raw map[string]rawList, rules func(string) (string, bool)) (map[string]*list, error) {
	out := map[string]*list{}
	for name, r := range raw {
		l, err := r.compile(b.source != sourceNames, rules)
		if err != nil {
			return nil, fmt.Errorf("list %s: %w", name, err)
		}
		out[name] = l
	}
	return out, nil
}

func (b *book) addFile(name string, f rawFile) error {
	if len(f.Data) > 0 {
		return b.addBlocks(name, path.Base(path.Dir(name)), f.Data)
	}
	for _, intent := range slices.Sorted(maps.Keys(f.Intents)) {
		if err := b.addBlocks(name, intent, f.Intents[intent].Data); err != nil {
			return err
		}
	}
	return nil
}

func (b *book) addBlocks(file, intent string, blocks []rawBlock) error {
	for i, block := range blocks {
		rules := func(name string) (string, bool) {
			if body, ok := block.Rules[name]; ok {
				return body, true
			}
			return b.rule(name)
		}
		lists, err := b.compileLists(block.Lists, rules)
		if err != nil {
			return fmt.Errorf("%s block %d: %w", intent, i, err)
		}
		for k, sentence := range block.Sentences {
			t, ok, err := b.newTemplate(intent, block, sentence, rules)
			if err != nil {
				return fmt.Errorf("%s block %d: %w", intent, i, err)
			}
			if !ok {
				b.skipped++
				continue
			}
			t.id = fmt.Sprintf("%s/%s#%s.%d.%d", b.source, file, intent, i, k)
			t.lists = lists
			b.templates = append(b.templates, t)
		}
	}
	return nil
}

func (b *book) newTemplate(intent string, block rawBlock, sentence string, rules func(string) (string, bool)) (template, bool, error) {
	root, err := parseTemplate(sentence, rules)
	if err != nil {
		return template{}, false, err
	}
	if b.lang == Chinese && b.source == SourceHass {
		var ok bool
		if root, ok = root.withoutLatin(); !ok {
			return template{}, false, nil
		}
	}
	t := template{source: b.source, lang: b.lang, intent: intent, root: root, slots: Slots{}, weight: 1}
	maps.Copy(t.slots, block.Slots)
	if block.InferredDomain != "" {
		t.slots["domain"] = block.InferredDomain
	}
	if block.Weight > 0 {
		t.weight = block.Weight
	}
	t.kinds = nameKinds(block, t.slots)
	return t, true, nil
}

// nameKinds says which names fit a block, from its context: a light, a
// temperature sensor.
func nameKinds(block rawBlock, slots Slots) []string {
	domains := slices.Clone(block.NameDomains)
	for _, from := range []map[string]any{block.RequiresContext, slots} {
		if len(domains) > 0 {
			break
		}
		switch d := from["domain"].(type) {
		case string:
			domains = append(domains, d)
		case []any:
			for _, v := range d {
				domains = append(domains, fmt.Sprint(v))
			}
		}
	}
	class, _ := block.RequiresContext["device_class"].(string)
	if class == "" {
		class, _ = slots["device_class"].(string)
	}
	var kinds []string
	for _, d := range domains {
		if class != "" {
			kinds = append(kinds, d+"."+class)
		}
	}
	kinds = append(kinds, domains...)
	return kinds
}

// wordy reports whether intent is one that the models do not answer although
// Home Assistant has it: a chat, not a device command.
func wordy(intent string) bool { return strings.EqualFold(intent, "HassRespond") }

// common reports whether an intent has templates to spare for calibration.
func (b *book) common(intent string) bool {
	n := 0
	for _, t := range b.templates {
		if t.intent == intent {
			n++
		}
	}
	return n >= 5
}
