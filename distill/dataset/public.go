package dataset

import (
	"bufio"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Places of the public data sets under a data directory.
const (
	clincFile  = "intents/clinc150/train_val.json"
	hwuFile    = "intents/hwu64/kfold1_train.jsonl"
	snipsDir   = "intents/snips"
	pilesDir   = "intents/home_llm_piles_en"
	hassDir    = "intents/home_assistant"
	recordsDir = "records"
)

// NearClinc are the clinc150 intents that Home Assistant has intents for, or
// nearly so. A model may answer or decline them, so they neither train nor
// test the decline.
var NearClinc = []string{
	// domain "home", whole, because it is about devices, lists and music
	"what_song", "play_music", "todo_list_update", "reminder", "reminder_update", "calendar_update", "order_status",
	"update_playlist", "shopping_list", "calendar", "next_song", "order", "todo_list", "shopping_list_update", "smart_home",
	// single intents elsewhere: weather, timers, time and date, volume, never mind
	"weather", "timer", "time", "date", "alarm", "change_volume", "cancel",
}

// declinedNearClinc are near intents that still are certain declines: the
// assistant has no calendar, no orders and no alarms.
var declinedNearClinc = []string{
	"what_song", "reminder", "reminder_update", "calendar_update", "order_status", "update_playlist", "calendar", "order", "alarm",
}

// nearHWU are scenarios and intents of HWU64 that are left out for the same
// reason.
var nearHWU = []string{
	"iot", "audio", "weather", "datetime_query", "lists", "play", "music_settings", "general_commandstop",
	"general_dontcare", "general_negate", "alarm_remove",
}

// clinc reads the sentences of one split ("train", "val", "oos_train", ...)
// whose intent keep accepts.
func clinc(dir, split string, keep func(intent string) bool) ([]string, error) {
	rows, err := Intents(dir, split)
	var texts []string
	for _, row := range rows {
		if keep(row[1]) {
			texts = append(texts, row[0])
		}
	}
	return texts, err
}

// Intents are the sentences of one of clinc150's splits ("train", "val",
// "oos_train", "oos_val"), each with its intent; out of scope it is "oos".
func Intents(dir, split string) ([][2]string, error) {
	data, err := os.ReadFile(filepath.Join(dir, clincFile))
	if err != nil {
		return nil, err
	}
	var splits map[string][][2]string
	if err := json.Unmarshal(data, &splits); err != nil {
		return nil, fmt.Errorf("%s: %w", clincFile, err)
	}
	rows, ok := splits[split]
	if !ok {
		return nil, fmt.Errorf("%s: no split %q, only %v", clincFile, split, slices.Sorted(maps.Keys(splits)))
	}
	return rows, nil
}

// OutOfDomain are the validation sentences that no device answers: clinc150's
// validation split without NearClinc, and its out-of-scope sentences. The few
// that also stand in some training split are left out.
func OutOfDomain(dir string) ([]string, error) {
	texts, err := clinc(dir, "val", func(intent string) bool { return !slices.Contains(NearClinc, intent) })
	if err != nil {
		return nil, err
	}
	oos, err := clinc(dir, "oos_val", func(string) bool { return true })
	if err != nil {
		return nil, err
	}
	trained, err := declines(dir)
	if err != nil {
		return nil, err
	}
	known := map[string]bool{}
	for _, e := range trained {
		known[fold(e.Text)] = true
	}
	return slices.DeleteFunc(append(texts, oos...), func(text string) bool { return known[fold(text)] }), nil
}

// declines reads every public text that is no device command. A data set that
// is not there is left out.
func declines(dir string) ([]Example, error) {
	var out []Example
	for _, read := range []func(string) ([]Example, error){clincDeclines, hwuDeclines, snipsDeclines} {
		examples, err := read(dir)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		out = append(out, examples...)
	}
	return out, nil
}

func decline(source, text string) Example {
	return Example{Lang: English, Source: source, Text: strings.Join(strings.Fields(text), " "), Intent: None, Slots: Slots{}}
}

func clincDeclines(dir string) ([]Example, error) {
	texts, err := clinc(dir, "train", func(intent string) bool {
		return !slices.Contains(NearClinc, intent) || slices.Contains(declinedNearClinc, intent)
	})
	if err != nil {
		return nil, err
	}
	oos, err := clinc(dir, "oos_train", func(string) bool { return true })
	if err != nil {
		return nil, err
	}
	var out []Example
	for _, text := range append(texts, oos...) {
		out = append(out, decline("clinc150", text))
	}
	return out, nil
}

func hwuDeclines(dir string) ([]Example, error) {
	var out []Example
	err := eachLine(filepath.Join(dir, hwuFile), func(line []byte) error {
		var row struct{ Text, Scenario, Intent string }
		if err := json.Unmarshal(line, &row); err != nil {
			return err
		}
		if !slices.Contains(nearHWU, row.Scenario) && !slices.Contains(nearHWU, row.Intent) {
			out = append(out, decline("hwu64", row.Text))
		}
		return nil
	})
	return out, err
}

// snipsDeclines takes the SNIPS intents that are no device command: booking,
// rating, playlists and searching. Every third sentence is enough of them.
func snipsDeclines(dir string) ([]Example, error) {
	var out []Example
	for _, intent := range []string{"AddToPlaylist", "BookRestaurant", "RateBook", "SearchCreativeWork", "SearchScreeningEvent"} {
		n := 0
		err := eachLine(filepath.Join(dir, snipsDir, "train_"+intent+".jsonl"), func(line []byte) error {
			var row struct{ Text string }
			if err := json.Unmarshal(line, &row); err != nil {
				return err
			}
			if n++; n%3 == 0 {
				out = append(out, decline("snips", row.Text))
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}

// eachLine calls f for every line of a file; its error is wrapped with the place.
func eachLine(file string, f func(line []byte) error) error {
	in, err := os.Open(file)
	if err != nil {
		return err
	}
	defer in.Close()
	sc := bufio.NewScanner(in)
	sc.Buffer(nil, 1<<20)
	for n := 1; sc.Scan(); n++ {
		if len(strings.TrimSpace(sc.Text())) == 0 {
			continue
		}
		if err := f(sc.Bytes()); err != nil {
			return fmt.Errorf("%s:%d: %w", file, n, err)
		}
	}
	return sc.Err()
}

// addWords gives made-up English names the words of the public texts.
func (n *names) addWords(dir string) error {
	if n.lang != English {
		return nil
	}
	examples, err := declines(dir)
	if err != nil {
		return err
	}
	texts, err := ownTexts(n.lang)
	for _, e := range examples {
		texts = append(texts, e.Text)
	}
	n.made = newPhrases(n.lang, texts)
	return err
}

// addPiles adds the longer English lists of names of the home-llm project, when
// the data directory has them.
func (n *names) addPiles(dir string) error {
	if n.lang != English {
		return nil
	}
	for file, list := range map[string]string{"pile_of_media_names.txt": "media_name", "pile_of_todo_items.txt": "todo_name"} {
		var values []string
		err := eachLine(filepath.Join(dir, pilesDir, file), func(line []byte) error {
			values = append(values, string(line))
			return nil
		})
		if err := n.extend(list, values, err); err != nil {
			return err
		}
	}
	byDomain, err := pileDevices(filepath.Join(dir, pilesDir, "pile_of_device_names.csv"))
	for _, domain := range slices.Sorted(maps.Keys(byDomain)) {
		if l := n.lists["name."+domain]; l != nil {
			if err := n.extend("name."+domain, byDomain[domain], nil); err != nil {
				return err
			}
		}
	}
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// extend adds plain words to a list as one more entry, so that they are drawn about
// as often as an entry of ours. A file that is not there adds nothing.
func (n *names) extend(name string, words []string, err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	choice := node{kind: kindAlt}
	for _, w := range words {
		if w = strings.Join(strings.Fields(w), " "); w != "" && len(w) < 40 {
			choice.kids = append(choice.kids, node{kind: kindText, text: w})
		}
	}
	if len(choice.kids) > 0 {
		n.lists[name].values = append(n.lists[name].values, value{in: choice})
	}
	return nil
}

// pileDevices reads device names by domain from rows "domain.id,Name".
func pileDevices(file string) (map[string][]string, error) {
	in, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer in.Close()
	rows, err := csv.NewReader(in).ReadAll()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	renamed := map[string]string{"blinds": "cover", "garage_door": "cover"}
	out := map[string][]string{}
	for _, row := range rows[1:] {
		domain, _, ok := strings.Cut(row[0], ".")
		if !ok || len(row) < 2 {
			continue
		}
		if to, ok := renamed[domain]; ok {
			domain = to
		}
		out[domain] = append(out[domain], strings.ToLower(row[1]))
	}
	return out, nil
}
