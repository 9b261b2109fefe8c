package dataset

import (
	"fmt"
	"hash/fnv"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"unicode"
)

// Sources of templates.
const (
	SourceOurs = "ours"
	SourceHass = "hass"

	sourceNames = "names" // holds words for the templates of the others
)

// Options say how many examples of each kind to make. A count is an aim: a
// source with few different sentences gives fewer.
type Options struct {
	Seed           uint64
	OursEnglish    int
	OursChinese    int
	HassEnglish    int // needs the data directory
	HassChinese    int
	DeclineEnglish int // from our templates; public texts come on top
	DeclineChinese int
	Floor          int // least aim for every intent of a source
	Calibration    int // held-out examples
}

// Set is a finished data set. No text of Calibration is in Train, and some of
// its templates never are.
type Set struct {
	Train       []Example
	Calibration []Example
}

// One text in holdOutTexts and one of our templates in holdOutTemplates go to
// the calibration set.
const (
	holdOutTexts     = 16
	holdOutTemplates = 12
)

// Build makes the data set. An empty dir uses only what the program carries.
func Build(dir string, o Options) (*Set, error) {
	b := &builder{o: o, seen: map[string]bool{}}
	// 1. Commands in both languages, ours first: when two sources say the same
	//    text, the first meaning stays.
	for _, lang := range []string{English, Chinese} {
		if err := b.language(dir, lang); err != nil {
			return nil, fmt.Errorf("data set, %s: %w", lang, err)
		}
	}
	// 2. Public texts that are no command, and recorded chats.
	if dir != "" {
		for _, read := range []func(string) ([]Example, error){declines, records} {
			examples, err := read(dir)
			if err != nil {
				return nil, fmt.Errorf("data set: %w", err)
			}
			for _, e := range examples {
				b.add(e, false)
			}
		}
	}
	// 3. Shuffle; cut the calibration set to size.
	rng := rand.New(rand.NewPCG(o.Seed, 3))
	shuffle(rng, b.set.Train)
	shuffle(rng, b.set.Calibration)
	if o.Calibration > 0 && len(b.set.Calibration) > o.Calibration {
		b.set.Calibration = b.set.Calibration[:o.Calibration]
	}
	return &b.set, nil
}

func shuffle(rng *rand.Rand, e []Example) {
	rng.Shuffle(len(e), func(i, k int) { e[i], e[k] = e[k], e[i] })
}

// builder collects examples without duplicates.
type builder struct {
	o    Options
	seen map[string]bool // texts, folded
	set  Set
}

func (b *builder) language(dir, lang string) error {
	own, err := readNames(lang)
	if err != nil {
		return err
	}
	if dir != "" {
		if err := own.addPiles(dir); err != nil {
			return err
		}
		if err := own.addWords(dir); err != nil {
			return err
		}
	}
	ours, err := readBook(ownData, lang, SourceOurs, "data/"+lang+"/commands")
	if err != nil {
		return err
	}
	no, err := readBook(ownData, lang, SourceOurs, "data/"+lang+"/declines")
	if err != nil {
		return err
	}
	counts := map[string][3]int{
		English: {b.o.OursEnglish, b.o.DeclineEnglish, b.o.HassEnglish},
		Chinese: {b.o.OursChinese, b.o.DeclineChinese, b.o.HassChinese},
	}[lang]
	if err := b.draw(ours, own, counts[0]); err != nil {
		return err
	}
	if err := b.draw(no, own, counts[1]); err != nil {
		return err
	}
	if dir == "" || counts[2] == 0 {
		return nil
	}
	if !exists(filepath.Join(dir, hassDir)) {
		return fmt.Errorf("%s is not under %s; set hass_%s = 0 to do without", hassDir, dir, lang[:2])
	}
	root := os.DirFS(filepath.Join(dir, hassDir))
	hass, err := readBook(root, lang, SourceHass, "rules/"+lang, "lists/"+lang, "sentences/"+lang)
	if err != nil {
		return err
	}
	return b.draw(hass, own, counts[2])
}

// draw adds about count examples from a book, spread over its templates by
// weight, with the floor for rare intents. Templates that run dry pass what
// they miss on to the others in further rounds.
func (b *builder) draw(from *book, own *names, count int) error {
	templates := slices.DeleteFunc(slices.Clone(from.templates), func(t template) bool { return wordy(t.intent) })
	for round := uint64(0); round < 3 && count > 0; round++ {
		added := 0
		for i, quota := range quotas(templates, count, b.o.Floor) {
			n, err := b.drawTemplate(&templates[i], from, own, quota, round)
			if err != nil {
				return fmt.Errorf("%s: %w", templates[i].id, err)
			}
			added += n
		}
		if added < count/20 {
			break
		}
		count -= added
	}
	return nil
}

// quotas shares count among the templates; an intent whose share is under the
// floor gets the floor.
func quotas(templates []template, count, floor int) []int {
	total, byIntent := 0.0, map[string]float64{}
	for _, t := range templates {
		total += t.weight
		byIntent[t.intent] += t.weight
	}
	out := make([]int, len(templates))
	for i, t := range templates {
		share := float64(count) * byIntent[t.intent] / total
		share = max(share, math.Min(float64(floor), float64(count)))
		out[i] = int(math.Ceil(share * t.weight / byIntent[t.intent]))
	}
	return out
}

// drawTemplate adds up to quota new examples and says how many it added.
func (b *builder) drawTemplate(t *template, from *book, own *names, quota int, round uint64) (int, error) {
	rng := rand.New(rand.NewPCG(b.o.Seed+round, hash(t.id)))
	s := sampler{lang: t.lang, kinds: t.kinds, rng: rng, made: own.made, words: words{t: t, book: from, names: own, pick: rng.IntN}}
	heldOut := t.source == SourceOurs && from.common(t.intent) && hash(t.id)%holdOutTemplates == 0
	added := 0
	for range quota * 3 {
		if added >= quota {
			break
		}
		d, err := s.draw(t.root)
		if err != nil {
			return added, err
		}
		if b.add(d.example(t, rng), heldOut) {
			added++
		}
	}
	return added, nil
}

// add puts an example where it belongs, unless its text is known already.
func (b *builder) add(e Example, heldOut bool) bool {
	key := fold(e.Text)
	if key == "" || b.seen[e.Text] {
		return false
	}
	b.seen[e.Text] = true
	if heldOut || hash(key)%holdOutTexts == 0 {
		b.set.Calibration = append(b.set.Calibration, e)
	} else {
		b.set.Train = append(b.set.Train, e)
	}
	return true
}

// example finishes a drawn sentence: noise, white space, copied slots.
func (d drawn) example(t *template, rng *rand.Rand) Example {
	d.pieces = joined(d.pieces)
	d = noise(rng, t.lang, d)
	e := Example{Lang: t.lang, Source: t.source, Intent: t.intent, Slots: Slots{}, Text: tidy(t.lang, d.text())}
	if t.intent == None {
		return e
	}
	for slot, v := range d.slots {
		e.Slots[slot] = v
	}
	for _, p := range joined(d.pieces) {
		if v := tidy(t.lang, p.text); p.slot != "" && v != "" {
			e.Slots[p.slot] = v
		}
	}
	for slot, v := range t.slots {
		e.Slots[slot] = v
	}
	return e
}

// joined puts neighbours of the same slot together.
func joined(pieces []piece) []piece {
	var out []piece
	for _, p := range pieces {
		if n := len(out); n > 0 && out[n-1].slot == p.slot {
			out[n-1].text += p.text
			continue
		}
		out = append(out, p)
	}
	return out
}

// tidy puts white space in order: single in English, none beside Chinese.
func tidy(lang, text string) string {
	text = strings.Join(strings.Fields(text), " ")
	if lang != Chinese {
		return text
	}
	letters := []rune(text)
	var b strings.Builder
	for i, r := range letters {
		if r == ' ' && (letters[i-1] > unicode.MaxASCII || letters[i+1] > unicode.MaxASCII) {
			continue
		}
		b.WriteRune(r)
	}
	return b.String()
}

// fold is a text without case, punctuation and white space: two texts of the
// same fold are the same question.
func fold(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPunct(r) || unicode.IsSpace(r) {
			return -1
		}
		return unicode.ToLower(r)
	}, text)
}

func hash(s string) uint64 {
	h := fnv.New64a()
	h.Write([]byte(s))
	return h.Sum64()
}
