package vocab

import (
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/a472be26/cusp/distill/dataset"
	"github.com/a472be26/cusp/infer/tokenizer"
)

func lessons(t *testing.T) ([]dataset.Example, []string) {
	t.Helper()
	s, err := dataset.Build("", dataset.Options{Seed: 1, OursEnglish: 2000, OursChinese: 800, DeclineEnglish: 200, DeclineChinese: 100})
	if err != nil {
		t.Fatal(err)
	}
	var texts []string
	for _, e := range s.Train {
		texts = append(texts, e.Text, e.Answer())
	}
	return s.Train, texts
}

func trained(t *testing.T) (*Vocab, *tokenizer.Tokenizer) {
	t.Helper()
	examples, texts := lessons(t)
	v, err := Train(texts, Options{Size: 1500, SpaceWords: 200, MinCount: 3, Defined: Pieces(examples)})
	if err != nil {
		t.Fatal(err)
	}
	tok, err := v.Tokenizer()
	if err != nil {
		t.Fatal(err)
	}
	return v, tok
}

func pieces(tok *tokenizer.Tokenizer, text string) []string {
	var out []string
	for _, id := range tok.Encode(text, false) {
		out = append(out, tokenizer.RunesToBytes(tok.Piece(id)))
	}
	return out
}

func TestRoundTrip(t *testing.T) {
	t.Parallel()
	_, tok := trained(t)
	_, texts := lessons(t)
	texts = append(texts, "", " ", "\n\t", "emoji 😀 and ünïcödé", "混合 text 测试123", "<|user|> is only text here", "a\x00b", `{"intent":"none","slots":{}}`)
	for _, text := range texts {
		if got := tok.Decode(tok.Encode(text, false)); got != text {
			t.Errorf("%q comes back as %q", text, got)
		}
	}
}

func TestTextNeverBecomesControlTokens(t *testing.T) {
	t.Parallel()
	_, tok := trained(t)
	for _, c := range controls {
		id, _ := tok.ID(c)
		if slices.Contains(tok.Encode("x "+c+" y", false), id) {
			t.Errorf("%s in a text became the control token", c)
		}
	}
}

// The rule that makes copying easy: the inside of a word is cut the same way
// wherever it stands.
func TestWordsAreCutTheSameEverywhere(t *testing.T) {
	t.Parallel()
	_, tok := trained(t)
	for _, word := range []string{"kitchen", "zorblix", "quigley", "thermonator"} {
		after := strings.TrimPrefix(strings.Join(pieces(tok, "the "+word), "|"), "the|")
		quoted := strings.TrimPrefix(strings.Join(pieces(tok, `"name":"`+word), "|"), `"name":"|`)
		after = strings.TrimPrefix(strings.TrimPrefix(after, " "), "|")
		if after != quoted {
			t.Errorf("%s: %s after a space, %s after a quotation mark", word, after, quoted)
		}
	}
}

func TestChineseCharactersAreNeverJoined(t *testing.T) {
	t.Parallel()
	v, _ := trained(t)
	for _, token := range v.Tokens {
		han := 0
		for _, r := range tokenizer.RunesToBytes(token) {
			if isHan(r) {
				han++
			}
		}
		if han > 1 {
			t.Errorf("token %q holds %d characters", tokenizer.RunesToBytes(token), han)
		}
	}
}

func TestCallsAreShort(t *testing.T) {
	t.Parallel()
	_, tok := trained(t)
	got := pieces(tok, dataset.Call("HassTurnOn", dataset.Slots{"area": "kitchen", "domain": "light"}))
	want := []string{`{"intent":"HassTurnOn","slots":{`, `"area":"`, "kitchen", `",`, `"domain":"light"`, "}}"}
	if !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestTrainIsDeterministic(t *testing.T) {
	t.Parallel()
	a, _ := trained(t)
	b, _ := trained(t)
	if !reflect.DeepEqual(a, b) {
		t.Error("two runs give different vocabularies")
	}
}

func TestTooSmall(t *testing.T) {
	t.Parallel()
	if _, err := Train([]string{"x"}, Options{Size: 200}); err == nil || !strings.Contains(err.Error(), "too small") {
		t.Errorf("%v", err)
	}
}

func TestSaveLoad(t *testing.T) {
	t.Parallel()
	v, _ := trained(t)
	file := filepath.Join(t.TempDir(), "vocab.json")
	if err := v.Save(file); err != nil {
		t.Fatal(err)
	}
	if got, err := Load(file); err != nil || !reflect.DeepEqual(got, v) {
		t.Errorf("differs after loading, %v", err)
	}
}

func TestForeignPreTokenizerIsKept(t *testing.T) {
	t.Parallel()
	v, _ := trained(t)
	old := *v
	old.Pre = "qwen2"
	for _, kv := range old.Metadata() {
		if kv.Key == "tokenizer.ggml.pre" && kv.Value != "qwen2" {
			t.Errorf("a teacher's vocabulary cut by qwen2 is written as %v", kv.Value)
		}
	}
}
